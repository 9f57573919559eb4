"""Finding the radiographs that a user names by files, folders, patterns or datalists."""

from __future__ import annotations

import glob
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist
from monai_lungxfer.data.formats import format_of
from monai_lungxfer.data.formats.dicom_view import is_directory, objection_to, read_header
from monai_lungxfer.errors import InputFileError

__all__ = [
    "IMAGE_SUFFIXES",
    "InputFile",
    "distinct_stems",
    "find_inputs",
    "is_image",
    "left_out_because",
    "output_stems",
]

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset(
    (".dcm", ".dicom", ".jpeg", ".jpg", ".mha", ".mhd", ".nii", ".nii.gz", ".nrrd", ".png", ".tif", ".tiff")
)
"""Names that a folder's images are known by; those of the common formats are also known by their content."""

_RESULT_ENDINGS = ("_mask", "_overlay")

# In bytes. File systems take names of 255; results have an ending more, and are written under a temporary name first.
_LONGEST_STEM = 230


@dataclass(frozen=True)
class InputFile:
    """One radiograph to be read.

    Attributes
    ----------
    path : pathlib.Path
        Absolute.
    name : str
        Path relative to the folder that all inputs have in common, with forward slashes. Results are named by it,
        so that what lies above the inputs, which may name a patient, gets into no table.
    left_out : str or None
        Why it is not to be segmented, though it could be read: it is no frontal chest radiograph by its DICOM header.
    """

    path: Path
    name: str
    left_out: str | None = None


def find_inputs(inputs: Sequence[str | Path], *, any_view: bool = False) -> list[InputFile]:
    """List the radiographs that the inputs stand for.

    Parameters
    ----------
    inputs : sequence of str or pathlib.Path
        Each one a file; a folder, which is searched with all folders below it; a pattern with ``*``, ``?``, ``[…]``
        or ``**``; or a datalist (``.json``). A folder that holds a `datalist.json` is read through it. A DICOMDIR
        stands for its folder.
    any_view : bool
        Whether DICOM files are taken whatever modality, body part and view their headers tell.

    Returns
    -------
    list of InputFile
        Every file once, in the order of the inputs, and sorted within a folder or pattern. Hidden files and folders
        are left out of folders and patterns, and so are files named ``*_mask`` or ``*_overlay``: those are results of
        this package, or the masks of a data set, and no radiographs. A file that is named itself is always listed.
        DICOM files that are no frontal chest radiographs are listed with the reason; where a header leaves that open,
        a warning says so.

    Raises
    ------
    InputFileError
        When an input does not exist, a folder holds no image, or a pattern fits nothing.
    DatalistError
        When a datalist is malformed.
    """
    found: dict[Path, None] = {}
    roots = []
    for given in inputs:
        root, paths = _expanded(given)
        roots.append(root)
        found.update(dict.fromkeys(paths))
    above = _common_folder([*roots, *(path.parent for path in found)] if _any_outside(found, roots) else roots)
    named = [InputFile(path, _name(os.path.relpath(path, above))) for path in found]
    return named if any_view else [replace(item, left_out=left_out_because(item.path)) for item in named]


def _name(relative: str) -> str:
    """Return a path for tables and results: with forward slashes, and in UTF-8 whatever the file system holds."""
    return os.fsencode(Path(relative).as_posix()).decode(errors="backslashreplace")


def left_out_because(path: Path) -> str | None:
    """Return why a file is not to be segmented, when it is DICOM and its header says so."""
    try:
        header = read_header(path) if format_of(path) == "dicom" else None
    except (OSError, InputFileError):
        return None  # empty or unreadable, which is reported when it is read
    return None if header is None else objection_to(path, header)


def is_image(path: Path) -> bool:
    """Tell whether a file is an image by its suffix or by its content: a DICOMDIR is none."""
    if path.name.lower().endswith(tuple(IMAGE_SUFFIXES)):
        return True
    try:
        return format_of(path) is not None and not is_directory(path)
    except InputFileError:
        return False  # empty
    except OSError:
        return True  # to be tried, and reported as unreadable, not to be passed over in silence


def output_stems(inputs: Iterable[InputFile]) -> list[str]:
    """Give every input a name for its results, without a suffix and unlike all others.

    ``a/x.png`` gives ``a/x``. Where another input would get the same name, as with ``a/x.jpg`` beside it, both keep
    their suffix: ``a/x.png`` and ``a/x.jpg``. Names that differ by upper and lower case only count as the same.
    A name that leaves no room for the ending of a result is cut, and ends with a hash of the whole.
    """
    names = [item.name for item in inputs]
    return distinct_stems([_stem(name) for name in names], names)


def distinct_stems(stems: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return each stem, or where several are the same, also by upper and lower case only, the name instead; cut."""
    found = list(stems)
    while True:
        counts = Counter(stem.casefold() for stem in found)
        # A stem may also meet another input's name, hence the repetition; each one only adds names.
        clearer = [name if counts[stem.casefold()] > 1 else stem for name, stem in zip(names, found, strict=True)]
        if clearer == found:
            return [_cut(stem) for stem in found]
        found = clearer


def _cut(stem: str) -> str:
    folder, slash, name = stem.rpartition("/")
    encoded = name.encode()
    if len(encoded) <= _LONGEST_STEM:
        return stem
    end = "-" + hashlib.sha256(encoded).hexdigest()[:8]
    return folder + slash + encoded[: _LONGEST_STEM - len(end)].decode(errors="ignore") + end


def _stem(name: str) -> str:
    lower = name.lower()
    suffix = next((known for known in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if lower.endswith(known)), "")
    return name[: len(name) - len(suffix)] if suffix and not lower.endswith("/" + suffix) else name


def _expanded(given: str | Path) -> tuple[Path, list[Path]]:
    """Return the folder that an input's names start from, and its files."""
    path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - takes ".." out, and follows no link
    if path.is_dir():
        return (path, _from_datalist(path)) if (path / DATALIST_NAME).is_file() else (path, _in_folder(path))
    if path.is_file():
        if is_directory(path):
            return path.parent, _in_folder(path.parent)
        return path.parent, _from_datalist(path) if path.suffix.lower() == ".json" else [path]
    if glob.has_magic(str(given)):
        return _from_pattern(path)
    raise InputFileError("does not exist", source=given, remedy="Check the path")


def _from_datalist(path: Path) -> list[Path]:
    records = load_datalist(path, labels_required=False)
    return [Path(os.path.abspath(record["image"])) for record in records]  # noqa: PTH100 - as above


def _in_folder(folder: Path) -> list[Path]:
    files = []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    files = _without_results([file for file in files if is_image(file)], folder)
    if not files:
        raise InputFileError("the folder holds no image", source=folder, remedy="Give a folder of radiographs")
    return files


def _refuse(error: OSError) -> None:
    raise InputFileError(
        f"the folder cannot be searched ({error.strerror})", source=error.filename, remedy="Check its permissions"
    ) from error


def _from_pattern(pattern: Path) -> tuple[Path, list[Path]]:
    fitting = [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]  # noqa: PTH207 - absolute
    files = _without_results([file for file in fitting if file.is_file()], pattern)
    if not files:
        raise InputFileError("no file fits this pattern", source=pattern, remedy="Check the pattern")
    fixed = pattern.parent
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed, files


def _without_results(files: Sequence[Path], source: Path) -> list[Path]:
    kept = [file for file in files if not _stem(file.name).endswith(_RESULT_ENDINGS)]
    if len(kept) < len(files):
        logger.warning("%s: %d files named *_mask or *_overlay were left out", source, len(files) - len(kept))
    return kept


def _any_outside(files: Iterable[Path], roots: Sequence[Path]) -> bool:
    return not all(any(file.is_relative_to(root) for root in roots) for file in files)


def _common_folder(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:  # Windows: two drives
        raise InputFileError(
            "the inputs lie on different drives, so their results cannot be named",
            source=folders[0],
            remedy="Run the command once for each drive",
        ) from error
