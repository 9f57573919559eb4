"""Content checks of a datalist: do its files exist, can they be read, do they fit together, is anything in it twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from monai_lungxfer.data.lgg import FINDINGS as LGG_FINDINGS
from monai_lungxfer.data.records import MIXED_REMEDY, Record, mask_convention
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.morphology.plausibility import INVERT, find_implausibility, find_inversion
from monai_lungxfer.utils.errors import LungXferError

Look = Callable[[int, Record, np.ndarray], None]


class ProblemKind(StrEnum):
    """What can be wrong with a record."""

    MISSING_FILE = "missing file"
    UNREADABLE = "unreadable file"
    SIZE_MISMATCH = "size mismatch"
    EMPTY_MASK = "empty mask"
    UNUSUAL_MASK = "unusual mask levels"
    LISTED_TWICE = "listed twice"
    DUPLICATE = "duplicate image"
    DUPLICATE_ACROSS_PATIENTS = "duplicate image of another patient"
    PATIENT_IN_TWO_SECTIONS = "patient in two sections"
    MIXED_MASKS = "mixed mask conventions"
    INVERTED_MASK = "inverted mask"
    UNLIKE_LUNGS = "mask unlike lungs"
    NEAR_DUPLICATE = "near-duplicate of another patient"
    LARGE_PATIENT = "patient with many images"
    SKEWED_SECTION = "skewed section"
    COINCIDING_GROUPS = "groups that coincide"


COPIES = (ProblemKind.LISTED_TWICE, ProblemKind.DUPLICATE, ProblemKind.DUPLICATE_ACROSS_PATIENTS)
"""Problems of a picture that is the same as another to the pixel."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one record.

    Attributes
    ----------
    record : int
        Index of the record, counted from 0.
    image : str
        Path of the record's image.
    kind : ProblemKind or another StrEnum
        What sort of problem it is.
    message : str
        What is wrong, in one sentence without a full stop.
    remedy : str
        What to do about it.
    """

    record: int
    image: str
    kind: StrEnum
    message: str
    remedy: str


def check_datalist(
    records: Iterable[Record],
    *,
    allow_empty_masks: bool = False,
    allow_mixed_masks: bool = False,
    sections: Mapping[str, Sequence[Record]] | None = None,
    look: Look | None = None,
) -> list[Problem]:
    """Read every image and mask once, and list what is wrong with them. A bad record does not end the check.

    One image is in memory at a time. Of two records that contradict each other, the later one is reported.

    Parameters
    ----------
    records : iterable of Record
        As `load_datalist` gives them. Without a `label`, only the image is checked.
    allow_empty_masks : bool
        Whether a mask without foreground is normal, as it is in slices of brain MRI without a lesion. Then masks need
        not have the shape of lungs either; those of the LGG data need not in any case.
    allow_mixed_masks : bool
        Whether masks may be drawn by different conventions. If not, the first of each further one is reported.
    sections : mapping of str to sequence of Record, optional
        The sections of a split (`Split.sections`), to look for patients that are in two of them.
    look : callable, optional
        Is shown the pixels (H, W) or (3, H, W) of every image that can be read, with the record and its index, such as
        `monai_lungxfer.data.near_duplicates.DuplicateSearch.add`.

    Returns
    -------
    list of Problem
        In the order of the records; empty when all is well.
    """
    seen = _Seen(sections or {}, look)
    problems: list[Problem] = []
    for index, record in enumerate(records):
        found = [*seen.compare_names(record), *_check_files(record, seen, allow_empty_masks)]
        if not allow_mixed_masks:
            found += seen.compare_convention(record)
        problems += [Problem(index, record["image"], *finding) for finding in found]
        seen.count += 1
    return problems


_Finding = tuple[ProblemKind, str, str]
_COPY = "Copy it again from its source, or drop the record"


class _Seen:
    """What the records so far have shown: names and contents of images."""

    def __init__(self, sections: Mapping[str, Sequence[Record]], look: Look | None = None) -> None:
        self.count = 0
        self.look = look
        self._names: dict[Path, int] = {}
        self._contents: dict[bytes, tuple[int, str]] = {}
        self._section_of_image = {_name(record): section for section, part in sections.items() for record in part}
        self._section_of_patient: dict[str, tuple[str, int]] = {}
        self._conventions: dict[str, int] = {}

    def compare_names(self, record: Record) -> Iterator[_Finding]:
        name = _name(record)
        first = self._names.setdefault(name, self.count)
        if first != self.count:
            yield ProblemKind.LISTED_TWICE, f"is the image of record {first}, too", "List each image once"
        section = self._section_of_image.get(name)
        if section is not None:
            other, index = self._section_of_patient.setdefault(record["patient"], (section, self.count))
            if other != section:
                message = f"its patient is in {section} here and in {other} with record {index}"
                yield ProblemKind.PATIENT_IN_TWO_SECTIONS, message, "Split anew with: lungxfer data split"

    def compare_content(self, record: Record, pixels: np.ndarray) -> Iterator[_Finding]:
        digest = hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).data).digest()
        first, patient = self._contents.setdefault(digest, (self.count, record["patient"]))
        if first == self.count or self._names[_name(record)] != self.count:
            return  # the first of its kind, or a file that is already reported as listed twice
        message = f"has the same pixels as the image of record {first}"
        if patient == record["patient"]:
            yield ProblemKind.DUPLICATE, message, "Keep one of the two"
        else:
            message += ", which is of another patient"
            remedy = "Keep one, or give both the same patient, so that they cannot stand on both sides of a split"
            yield ProblemKind.DUPLICATE_ACROSS_PATIENTS, message, remedy

    def compare_convention(self, record: Record) -> Iterator[_Finding]:
        convention = mask_convention(record)
        if convention is None or convention in self._conventions:
            return
        self._conventions[convention] = self.count
        (first, index), *others = self._conventions.items()
        if others:
            message = f"its mask follows the convention {convention}, that of record {index} follows {first}"
            yield ProblemKind.MIXED_MASKS, message, MIXED_REMEDY


def _name(record: Record) -> Path:
    return Path(record["image"]).resolve()


def _check_files(record: Record, seen: _Seen, allow_empty_masks: bool) -> Iterator[_Finding]:
    absent = [path for path in (record["image"], record.get("label")) if path is not None and not Path(path).is_file()]
    for path in absent:
        yield ProblemKind.MISSING_FILE, f"{path} does not exist", "Restore the file, or drop the record"
    size = None
    if record["image"] not in absent:
        try:
            image = read_radiograph(record["image"], "rgb")
        except LungXferError as error:
            yield ProblemKind.UNREADABLE, error.problem, error.remedy or _COPY
        else:
            pixels = image.pixels if image.is_colour else image.pixels[0]
            size = pixels.shape[-2:]
            if seen.look is not None:
                seen.look(seen.count, record, pixels)
            yield from seen.compare_content(record, pixels)
    if "label" in record and record["label"] not in absent:
        lungs = not allow_empty_masks and record.get("finding") not in LGG_FINDINGS
        yield from _check_mask(record["label"], size, allow_empty_masks, lungs)


def _check_mask(path: str, size: tuple[int, ...] | None, allow_empty: bool, lungs: bool) -> Iterator[_Finding]:
    try:
        mask = read_radiograph(path).pixels  # as it is, since `read_mask` has only two levels left
    except LungXferError as error:
        yield ProblemKind.UNREADABLE, f"its mask: {error.problem}", error.remedy or _COPY
        return
    if size is not None and mask.shape != size:
        message = f"its mask has {mask.shape[0]} × {mask.shape[1]} pixels (rows × columns), not {size[0]} × {size[1]}"
        yield ProblemKind.SIZE_MISMATCH, message, "Make the mask in the image's own size"
    levels = np.unique(mask)
    if levels[-1] == 0:
        if not allow_empty:
            message = "its mask has no foreground"
            yield ProblemKind.EMPTY_MASK, message, "Draw it, or allow empty masks if that is right for this data set"
    elif len(levels) != 2 or levels[0] != 0:
        shown = ", ".join(f"{level:g}" for level in levels[:5]) + (", …" if len(levels) > 5 else "")
        message = f"its mask has {len(levels)} grey levels ({shown})"
        yield ProblemKind.UNUSUAL_MASK, message, "Save it lossless, with 0 for background and one level for foreground"
    elif (inversion := find_inversion(mask)) is not None:
        yield ProblemKind.INVERTED_MASK, inversion, INVERT
    elif lungs and (reason := find_implausibility(mask)) is not None:
        yield ProblemKind.UNLIKE_LUNGS, reason, "Look at it; draw the lungs, or drop the record"
