"""What `monai.bundle run` needs of a bundle's inference.yaml: which images are segmented, and what if one is damaged.

The images are those that ``lungxfer predict`` would segment, which has a table of its own and does not use this module.
"""

from __future__ import annotations

import glob
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from monai.transforms import apply_transform
from torch.utils.data import IterableDataset, get_worker_info

from monai_lungxfer.inference.dicom.directory import find_directory, listed_files
from monai_lungxfer.inference.exclusions import find_exclusions
from monai_lungxfer.inference.input_search import is_dicom, is_image, is_result
from monai_lungxfer.inference.inputs import report_reasons
from monai_lungxfer.io.formats.dicom_view import judge, read_header
from monai_lungxfer.io.formats.unread import name_unread_format
from monai_lungxfer.utils.errors import InputFileError, LungXferError, root_cause

logger = logging.getLogger(__name__)

_COMMAND = "monai.bundle.__main__"


def images_in(folder: str | Path, pattern: str = "*", *, any_view: bool = False) -> list[str]:
    """List the images of a folder, not of folders below it, whose names fit a pattern, as ``lungxfer predict`` would.

    Parameters
    ----------
    folder : str or pathlib.Path
        It need not exist: MONAI makes parts of the configuration, such as the postprocessing, where none is given.
    pattern : str
        Of file names; ``*/*`` lists those in the folders below. Where a DICOMDIR lies in the folder, only files that
        it lists are taken.
    any_view : bool
        Whether DICOM files are taken that are no frontal chest radiographs by their header.

    Returns
    -------
    list of str
        Paths, sorted. Files that are no images, such as a README, are left out in silence. The log says how many others
        are left out, and why: results, by name or header, second images of an exposure, other views, other formats.
    """
    paths = sorted(Path(folder, name) for name in glob.glob(pattern, root_dir=folder))  # noqa: PTH207 - no hidden files
    files = [path for path in paths if path.is_file()]
    images = [path for path in files if is_image(path)]
    reasons = {path: "is named as a result, *_mask or *_overlay" for path in images if is_result(path)}
    reasons |= _unlisted(Path(folder), images)
    reasons |= find_exclusions([path for path in images if path not in reasons])
    if not any_view:
        reasons |= _other_views([path for path in images if path not in reasons])
    unread = [
        f"is in {name} format, which is not read"
        for path in set(files).difference(images)
        if (name := name_unread_format(path))
    ]
    report_reasons([*reasons.values(), *unread])
    return [str(path) for path in images if path not in reasons]


def require_images(images: Sequence[str], folder: str | Path, pattern: str = "*") -> None:
    """Refuse to continue without images of `images_in`, which was given the folder and the pattern."""
    if images:
        return
    if not Path(folder).is_dir():
        _end(InputFileError("there is no such folder", source=folder, remedy="Check --dataset_dir"))
    fitting = "" if pattern == "*" else f" that fits {pattern!r}"
    _end(
        InputFileError(
            f"the folder holds no image{fitting}",
            source=folder,
            remedy="Check --dataset_dir and --image_pattern; folders below it are not searched. What was left out is "
            "in the log, and --any_view True takes other views",
        )
    )


class ReadableImages(IterableDataset[Any]):
    """The images of a bundle run, of which those that cannot be read are passed over; `require_all` tells in the end.

    It has no length, since MONAI's evaluator would wait for so many images. Each worker of a data loader reads its
    share. Any error that is not of an image file ends the run.

    Parameters
    ----------
    data : sequence of dict
        Records, whose `image` is a path.
    transform : callable
        Reads and preprocesses a record.
    """

    def __init__(self, data: Sequence[dict[str, Any]], transform: Callable[[Any], Any]) -> None:
        self.data = data
        self.transform = transform
        self._skipped = multiprocessing.Value("i", 0)  # which the workers share

    def __iter__(self) -> Iterator[Any]:
        """Yield what the transform makes of each record that can be read."""
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for record in islice(self.data, first, None, step):
            try:
                yield _checked(apply_transform(self.transform, record))
            except Exception as error:  # MONAI raises RuntimeError for whatever a transform raised
                cause = root_cause(error)
                if not isinstance(cause, InputFileError):
                    raise
                self._skip(record["image"], cause)

    def _skip(self, image: str, error: InputFileError) -> None:
        with self._skipped.get_lock():
            self._skipped.value += 1
        above = os.path.commonpath([Path(record["image"]).parent for record in self.data])
        logger.error("%s was skipped: %s", os.path.relpath(image, above), error.without_source)

    def require_all(self) -> None:
        """Refuse to end well when images were passed over."""
        if count := self._skipped.value:
            _end(
                InputFileError(
                    f"{count} of {len(self.data)} images could not be read and have no mask",
                    remedy="The log names each of them and says why; the masks of the others are written",
                )
            )


def _checked(data: Any) -> Any:
    image = data["image"]
    if image.min() == image.max():
        raise InputFileError("constant image: every pixel is the same", remedy="Check how it was exported")
    return data


def _unlisted(folder: Path, images: Sequence[Path]) -> dict[Path, str]:
    """Return what a DICOMDIR in the folder does not list, where there is one that can be followed."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    directory = find_directory(folder, names)
    listed = None if directory is None else listed_files(directory)
    if listed is None:
        return {}
    return dict.fromkeys(set(images).difference(listed), "is not listed in the DICOMDIR that lies with it")


def _other_views(images: Sequence[Path]) -> dict[Path, str]:
    """Return why DICOM files are no frontal chest radiographs by their headers."""
    headers = {path: read_header(path) for path in images if is_dicom(path)}
    decisions = {path: judge(header) for path, header in headers.items() if header is not None}
    return {path: decision.objection for path, decision in decisions.items() if decision.objection is not None}


def _end(error: LungXferError) -> NoReturn:
    """Raise an error, or end MONAI's command by it, which would print three tracebacks and the error above them."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    if module is not None and module.name == _COMMAND:
        sys.exit(f"Error: {error}")
    raise error
