"""The names of the masks that a bundle's inference.yaml writes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.data.folder_layout import default_name_formatter
from monai.data.utils import create_file_basename
from monai.transforms import Transform

from monai_lungxfer.inference.inputs import InputFile, distinct_stems, output_stems


class MaskNames:
    """Names for MONAI's ``SaveImaged`` (`output_name_formatter`), of which no two are alike.

    MONAI takes what follows the last dot for a suffix, and so gives the same name to `a.png` and `a.jpg`, and to files
    that are named by their UIDs. Names that would be alike, also by upper and lower case only, become those of
    `monai_lungxfer.inference.inputs.output_stems`; all others are MONAI's.

    Parameters
    ----------
    data : iterable of mapping
        The data set's records, whose `image` is a path.

    Notes
    -----
    ``SaveImaged`` has to be given ``data_root_dir: .``, or it leaves out the folders of names such as `a/x`, where
    images of the same name lie in several folders.
    """

    def __init__(self, data: Iterable[Mapping[str, Any]]) -> None:
        # As LoadImaged tells it in the metadata; and each once, or the second would be refused the name of the first.
        self._paths = list(dict.fromkeys(str(Path(record["image"]).expanduser()) for record in data))

    def __call__(self, metadict: dict[str, Any] | None, saver: Transform) -> dict[str, Any]:
        """Return the arguments of `monai.data.FolderLayout.filename` for an image with this metadata."""
        found = default_name_formatter(metadict or {}, saver)
        stem = self._stems.get(found["subject"]) or _monai_stem(found["subject"])
        return found | {"subject": f"{stem}.nii"}  # a suffix for MONAI to take off

    @cached_property
    def _stems(self) -> dict[str, str]:
        if not self._paths:
            return {}
        absolute = [Path(path).absolute() for path in self._paths]
        above = os.path.commonpath([path.parent for path in absolute])
        files = [InputFile(path, path.relative_to(above).as_posix()) for path in absolute]
        stems = distinct_stems([_monai_stem(path) for path in self._paths], output_stems(files))
        return dict(zip(self._paths, stems, strict=True))


def _monai_stem(path: str) -> str:
    return create_file_basename("", path, "", separate_folder=False, makedirs=False)
