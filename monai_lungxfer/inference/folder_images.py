"""The images that a bundle's inference.yaml takes from a folder."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from monai_lungxfer.inference.input_search import is_image
from monai_lungxfer.utils.errors import InputFileError


def images_in(folder: str | Path, pattern: str = "*") -> list[str]:
    """List the images of a folder, not of folders below it, whose names fit a pattern.

    Parameters
    ----------
    folder : str or pathlib.Path
        It need not exist: MONAI makes parts of the configuration, such as the postprocessing, where no folder is given.
    pattern : str
        With ``*``, ``?`` or ``[…]``.

    Returns
    -------
    list of str
        Paths, sorted. Files that are no images by their name or content, such as a README, are left out.
    """
    paths = [Path(folder, name) for name in glob.glob(pattern, root_dir=folder)]  # noqa: PTH207 - hidden files stay out
    return sorted(str(path) for path in paths if path.is_file() and is_image(path))


def require_images(images: Sequence[str], folder: str | Path, pattern: str = "*") -> None:
    """Refuse to go on without images.

    Parameters
    ----------
    images : sequence of str
        From `images_in`.
    folder, pattern
        As for `images_in`, for the message.

    Raises
    ------
    InputFileError
        When there are none.
    """
    if images:
        return
    if not Path(folder).is_dir():
        raise InputFileError("there is no such folder", source=folder, remedy="Check --dataset_dir")
    fitting = "" if pattern == "*" else f" that fits {pattern!r}"
    raise InputFileError(
        f"the folder holds no image{fitting}",
        source=folder,
        remedy="Check --dataset_dir and --image_pattern; folders below it are not searched",
    )
