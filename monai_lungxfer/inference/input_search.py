"""Searching files, folders, patterns and datalists for images."""

from __future__ import annotations

import glob
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist
from monai_lungxfer.inference.dicom.directory import find_directory, listed_files
from monai_lungxfer.io.formats import check_is_file, detect_format
from monai_lungxfer.io.formats.dicom_file import is_preamble
from monai_lungxfer.io.formats.dicom_view import is_directory, is_document
from monai_lungxfer.io.formats.unread import name_unread_format
from monai_lungxfer.utils.errors import InputFileError

IMAGE_SUFFIXES = frozenset(
    (
        *(".bmp", ".dcm", ".dicom", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".mha", ".mhd", ".nii", ".nii.gz"),
        *(".nrrd", ".png", ".tif", ".tiff", ".webp"),
    )
)
"""Names that a folder's images are known by; those of the common formats are also known by their content."""

_RESULT_ENDINGS = ("_mask", "_overlay")
_DOCUMENT_ENDINGS = ("_report.dcm", "_presentation.dcm")  # which radiographs may have, too


@dataclass
class Found:
    """What an input stands for: files, absolute, and the folder that their names start from.

    `left_out` tells of some of the files why they are not to be read. `results` is how many others were passed over as
    results of this package, or masks of a data set, by their names, `unlisted` how many pictures lie with a DICOMDIR
    that does not list them, and `others` how many files of a folder are no images.
    """

    root: Path
    files: list[Path] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)
    results: int = 0
    unlisted: int = 0
    others: int = 0


def search(given: str | Path) -> Found:
    """Return what an input stands for; `monai_lungxfer.inference.inputs.find_inputs` says what, and when it fails."""
    path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - takes ".." out, and follows no link
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        if not _has_image_suffix(path) and is_directory(path):
            return _in_folder(path.parent, path)
        return Found(path.parent, _from_datalist(path) if path.suffix.lower() == ".json" else [path])
    if path.exists():
        check_is_file(path)
    if glob.has_magic(str(given)):
        return _from_pattern(path)
    raise InputFileError("does not exist", source=given, remedy="Check the path")


def strip_image_suffix(name: str) -> str:
    """Return a file's name without the suffix of an image."""
    lower = name.lower()
    suffix = next((known for known in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if lower.endswith(known)), "")
    return name[: len(name) - len(suffix)] if suffix and not lower.endswith("/" + suffix) else name


def _from_datalist(path: Path) -> list[Path]:
    records = load_datalist(path, labels_required=False)
    return [Path(os.path.abspath(record["image"])) for record in records]  # noqa: PTH100 - as above


def _in_folder(folder: Path, directory: Path | None = None) -> Found:
    """Search a folder; a DICOMDIR that is given, or lies in a folder, says which files below its own count."""
    found = Found(folder)
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        if _file_type(Path(parent, DATALIST_NAME)) == stat.S_IFREG:
            found.files += _from_datalist(Path(parent))
            folders.clear()  # which hold its images, and its masks
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        index, directory = directory or find_directory(Path(parent), names), None
        if index is not None and (listed := listed_files(index)) is not None:
            _add_listed(found, Path(parent), listed)
            folders.clear()
            continue
        _add_images(found, [Path(parent, name) for name in sorted(names) if not name.startswith(".")])
    if not found.files:
        raise InputFileError("the folder holds no image", source=folder, remedy="Give a folder of radiographs")
    return found


def _add_listed(found: Found, folder: Path, listed: list[Path]) -> None:
    """Add what a DICOMDIR lists. Other DICOM files are told one by one, a viewer's logos and icons are counted."""
    files = {Path(parent, name) for parent, _, names in os.walk(folder) for name in names if not name.startswith(".")}
    others = sorted(files.difference(listed))
    pictures = _without_results(found, [file for file in others if is_image(file)])
    unlisted = [file for file in pictures if is_dicom(file)]
    found.files += sorted([*listed, *unlisted])
    found.left_out |= dict.fromkeys(unlisted, "is not listed in the DICOMDIR that lies with it")
    found.unlisted += len(pictures) - len(unlisted)


def _add_images(found: Found, files: list[Path]) -> None:
    """Add images, and with the reason what holds a picture in a format that is not read."""
    unread = {file: name for file in files if (name := _unread_format(file)) is not None}
    images = [file for file in files if file in unread or is_image(file)]
    found.others += len(files) - len(images)
    kept = _without_results(found, images)
    found.files += kept
    found.left_out |= {file: f"is in {unread[file]} format, which is not read" for file in kept if file in unread}


def _unread_format(file: Path) -> str | None:
    return None if _file_type(file) != stat.S_IFREG or is_image(file) else name_unread_format(file)


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
        return (detect_format(path) is not None or is_preamble(path)) and not is_directory(path)
    except InputFileError:
        return False  # empty
    except OSError:
        return True  # to be tried, and reported as unreadable, not to be passed over in silence


def is_dicom(path: Path) -> bool:
    """Tell whether a file is a DICOM file by its content."""
    try:
        return detect_format(path) == "dicom"
    except (InputFileError, OSError):
        return False


def _has_image_suffix(path: Path) -> bool:
    return path.name.lower().endswith(tuple(IMAGE_SUFFIXES))


def _from_pattern(pattern: Path) -> Found:
    fixed = pattern.parent
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    found = Found(fixed)
    fitting = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207 - absolute
    found.files += _without_results(found, [file for file in fitting if file.is_file()])
    if not found.files:
        raise InputFileError("no file fits this pattern", source=pattern, remedy="Check the pattern")
    return found


def _without_results(found: Found, files: list[Path]) -> list[Path]:
    """Return the files without results by their names, which are counted."""
    kept = [file for file in files if not is_result(file)]
    found.results += len(files) - len(kept)
    return kept


def is_result(path: Path) -> bool:
    """Tell whether a file has the name of a result of this package, or of a mask of a data set.

    A report or presentation state must also be one: others name images FOR PRESENTATION so.
    """
    if path.name.lower().endswith(_DOCUMENT_ENDINGS):
        return is_document(path)
    return any(name.lower().endswith(_RESULT_ENDINGS) for name in (strip_image_suffix(path.name), path.stem))
