"""Searching files, folders, patterns and datalists for images."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist
from monai_lungxfer.io.formats import check_is_file, detect_format
from monai_lungxfer.io.formats.dicom_view import is_directory
from monai_lungxfer.utils.errors import InputFileError

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".dcm", ".dicom", ".jpeg", ".jpg", ".mha", ".mhd", ".nii", ".nii.gz", ".nrrd", ".png", ".tif", ".tiff")
)
"""Names that a folder's images are known by; those of the common formats are also known by their content."""

_RESULT_ENDINGS = ("_mask", "_overlay")


@dataclass
class Found:
    """What an input stands for: files, absolute, and the folder that their names start from.

    `results` is how many files were left out as results of this package, or masks of a data set, by their names.
    `others` is how many files of a folder are no images.
    """

    root: Path
    files: list[Path] = field(default_factory=list)
    results: int = 0
    others: int = 0


def search(given: str | Path) -> Found:
    """Return what an input stands for; `monai_lungxfer.inference.inputs.find_inputs` says what, and when it fails."""
    path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - takes ".." out, and follows no link
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        if not _has_image_suffix(path) and is_directory(path):
            return _in_folder(path.parent)
        return Found(path.parent, _from_datalist(path) if path.suffix.lower() == ".json" else [path])
    if path.exists():
        check_is_file(path)
    if glob.has_magic(str(given)):
        return _from_pattern(path)
    raise InputFileError("does not exist", source=given, remedy="Check the path")


def images_in(folder: str | Path, pattern: str = "*") -> list[str]:
    """List the images of a folder, not of folders below it, whose names fit a pattern: for a bundle's inference.yaml.

    They are paths, sorted. Files that are no images by their name or content, such as a README, are left out. The
    folder need not exist: MONAI makes parts of the configuration, such as the postprocessing, where none is given.
    """
    paths = [Path(folder, name) for name in glob.glob(pattern, root_dir=folder)]  # noqa: PTH207 - hidden files stay out
    return sorted(str(path) for path in paths if path.is_file() and is_image(path))


def require_images(images: Sequence[str], folder: str | Path, pattern: str = "*") -> None:
    """Refuse to continue without images of `images_in`, which was given the folder and the pattern."""
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


def strip_image_suffix(name: str) -> str:
    """Return a file's name without the suffix of an image."""
    lower = name.lower()
    suffix = next((known for known in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if lower.endswith(known)), "")
    return name[: len(name) - len(suffix)] if suffix and not lower.endswith("/" + suffix) else name


def _from_datalist(path: Path) -> list[Path]:
    records = load_datalist(path, labels_required=False)
    return [Path(os.path.abspath(record["image"])) for record in records]  # noqa: PTH100 - as above


def _in_folder(folder: Path) -> Found:
    found = Found(folder)
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        if _file_type(Path(parent, DATALIST_NAME)) == stat.S_IFREG:
            found.files += _from_datalist(Path(parent))
            folders.clear()  # which hold its images, and its masks
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        images = [file for file in files if is_image(file)]
        found.others += len(files) - len(images)
        _add_without_results(found, images)
    if not found.files:
        raise InputFileError("the folder holds no image", source=folder, remedy="Give a folder of radiographs")
    return found


def _refuse(error: OSError) -> None:
    raise InputFileError(
        f"the folder cannot be searched ({error.strerror})", source=error.filename, remedy="Check its permissions"
    ) from error


def _file_type(path: Path) -> int | None:
    """Return whether it is a file, pipe, … as `stat.S_IFMT` does, or ``None`` for a broken link and what is locked."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return None


def is_image(path: Path) -> bool:
    """Tell whether a file is an image by its suffix or by its content: a DICOMDIR is none."""
    if _file_type(path) not in (stat.S_IFREG, None):
        return False  # to open a pipe would be to wait for whoever writes to it
    if _has_image_suffix(path):
        return True
    try:
        return detect_format(path) is not None and not is_directory(path)
    except InputFileError:
        return False  # empty
    except OSError:
        return True  # to be tried, and reported as unreadable, not to be passed over in silence


def _has_image_suffix(path: Path) -> bool:
    return path.name.lower().endswith(tuple(IMAGE_SUFFIXES))


def _from_pattern(pattern: Path) -> Found:
    fixed = pattern.parent
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    found = Found(fixed)
    fitting = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207 - absolute
    _add_without_results(found, [file for file in fitting if file.is_file()])
    if not found.files:
        raise InputFileError("no file fits this pattern", source=pattern, remedy="Check the pattern")
    return found


def _add_without_results(found: Found, files: list[Path]) -> None:
    kept = [file for file in files if not strip_image_suffix(file.name).endswith(_RESULT_ENDINGS)]
    found.files += kept
    found.results += len(files) - len(kept)
