"""Finding the radiographs that a user names by files, folders, patterns or datalists."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.inference.exclusions import find_exclusions
from monai_lungxfer.inference.input_search import Found, search, strip_image_suffix
from monai_lungxfer.utils.errors import InputFileError

logger = logging.getLogger(__name__)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

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
    any_view : bool
        Whether it is segmented even if it is no frontal chest radiograph by its DICOM header.
    left_out : str or None
        Why it is not even to be read, whatever `any_view` says: it is a result, a second image of its exposure, of a
        format that is not read, or not listed in the DICOMDIR.
    """

    path: Path
    name: str
    any_view: bool = False
    left_out: str | None = None


def find_inputs(inputs: Sequence[str | Path], *, any_view: bool = False) -> list[InputFile]:
    """List the radiographs that the inputs stand for.

    Parameters
    ----------
    inputs : sequence of str or pathlib.Path
        Each one a file; a folder, which is searched with all folders below it; a pattern with ``*``, ``?``, ``[…]``
        or ``**``; or a datalist (``.json``). A folder that holds a `datalist.json`, itself or below
        another one, is read through it. A DICOMDIR stands for its folder, and one in a folder is followed: of what
        lies there and below, only the files that it lists are read.
    any_view : bool
        Whether DICOM files are segmented whatever modality, body part and view their headers tell.

    Returns
    -------
    list of InputFile
        Every file once, in the order of the inputs, and sorted within a folder or pattern. Hidden files and folders
        are left out of folders and patterns, and so are files named ``*_mask`` or ``*_overlay``: those are results of
        this package, or the masks of a data set, and no radiographs. A file that is named itself is always listed.
        What is not to be read has a reason, `InputFile.left_out`: of DICOM files by
        `monai_lungxfer.inference.exclusions.find_exclusions`, for which their headers are read, of others as told
        there.

    Raises
    ------
    InputFileError
        When an input does not exist, a folder holds no image, or a pattern fits nothing.
    DatalistError
        When a datalist is malformed.
    """
    searched = [search(given) for given in inputs]
    found = dict.fromkeys(path for one in searched for path in one.files)
    left_out = {path: reason for one in searched for path, reason in one.left_out.items()}
    left_out |= find_exclusions([path for path in found if path not in left_out])
    _report(searched, left_out.values())
    roots = [one.root for one in searched]
    outside = [path.parent for path in found if not any(path.is_relative_to(root) for root in roots)]
    above = _common_folder([*roots, *outside])
    return [InputFile(path, _name(os.path.relpath(path, above)), any_view, left_out.get(path)) for path in found]


def _report(searched: Sequence[Found], reasons: Iterable[str]) -> None:
    """Tell how many files are left out: not which, since their names and folders may be those of patients."""
    results, others = sum(one.results for one in searched), sum(one.others for one in searched)
    if results:
        logger.warning("%d files named *_mask or *_overlay were left out", results)
    report_reasons(reasons)
    if unlisted := sum(one.unlisted for one in searched):
        logger.info("Pictures that were left out, since the DICOMDIR next to them does not list them: %d", unlisted)
    if others:
        logger.info("Files in the folders that were passed over, since they are no images: %d", others)


def report_reasons(reasons: Iterable[str]) -> None:
    """Warn of files that are left out, with their number for each reason."""
    for reason, count in Counter(reasons).items():
        logger.warning("Files that were left out: %d (%s)", count, reason)


def _name(relative: str) -> str:
    r"""Return a path for tables, logs and results: with forward slashes, on one line, and in UTF-8.

    What is no UTF-8 becomes ``\xf6``, a control character or another end of a line ``\u000a``; backslashes are
    doubled, so that no two files get the same name.
    """
    posix = os.fsencode(Path(relative).as_posix().replace("\\", r"\\")).decode(errors="backslashreplace")
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", posix)


def output_stems(inputs: Iterable[InputFile]) -> list[str]:
    """Give every input a name for its results, without a suffix and unlike all others.

    ``a/x.png`` gives ``a/x``. Where another input would get the same name, as with ``a/x.jpg`` beside it, both keep
    their suffix: ``a/x.png`` and ``a/x.jpg``. Names that differ by upper and lower case only count as the same.
    A name that leaves no room for the ending of a result is cut, and ends with a hash of the whole.
    """
    names = [item.name for item in inputs]
    return distinct_stems([strip_image_suffix(name) for name in names], names)


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


def _common_folder(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:  # Windows: two drives
        raise InputFileError(
            "the inputs lie on different drives, so their results cannot be named",
            source=folders[0],
            remedy="Run the command once for each drive",
        ) from error
