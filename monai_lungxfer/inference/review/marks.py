"""Marks: what a person said of each mask in the review page, as one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from monai_lungxfer.utils.csv_tables import read_rows, write_rows
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.file_stamp import sample_file
from monai_lungxfer.utils.json_files import load_json

MARKS = ("accept", "reject", "correct", "corrected")
"""The mask is good; it is not to be used; it is to be corrected; a person has corrected it."""

MARKS_NAME = "review.csv"
"""The name that the page saves marks under."""


@dataclass(frozen=True)
class ReviewMark:
    """What a person said of one mask.

    Attributes
    ----------
    file : str
        Name of the radiograph, as in predictions.csv.
    mark : str
        One of `MARKS`, or empty for a note alone.
    note : str
        In the person's own words, which may tell of a patient: it gets into no log.
    model : str
        The model that made the mask, as `monai_lungxfer.inference.segmentation.ModelIdentity` names it.
    time : str
        When, in UTC, such as ``2026-01-31T09:30:00Z``.
    input_sample : str
        What `monai_lungxfer.utils.file_stamp.sample_file` returned of the radiograph, empty if that is not known.
    """

    file: str
    mark: str
    note: str = ""
    model: str = ""
    time: str = ""
    input_sample: str = ""

    def fits(self, path: Path) -> bool:
        """Tell whether the mark is of this file, as far as it says which one it is of."""
        return not self.input_sample or self.input_sample == sample_file(path)


_COLUMNS = [field.name for field in fields(ReviewMark)]


def read_marks(path: str | Path) -> dict[str, ReviewMark]:
    """Read the marks that the review page saved, as CSV or JSON, by the names of the radiographs.

    Of two rows for the same radiograph, the later time counts, and of the same time the lower row. InputFileError is
    raised when there is no such file, or it holds no marks.
    """
    path = Path(path).expanduser()
    try:
        is_json = path.suffix.lower() == ".json"
        rows = load_json(path)["marks"] if is_json else read_rows(path)
        found = [_restored(row) for row in rows]
    except FileNotFoundError as error:
        raise InputFileError("there is no such file", source=path, remedy="Save marks in the review page") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputFileError(
            "holds no marks, or is damaged",
            source=path,
            remedy=f"Give the {MARKS_NAME} that the review page has saved; its columns are {', '.join(_COLUMNS)}",
        ) from error
    return {mark.file: mark for mark in sorted(found, key=lambda mark: mark.time)}


def write_marks(path: str | Path, marks: Iterable[ReviewMark]) -> None:
    """Write marks as CSV, all or nothing, for the page and for `read_marks`."""
    write_rows(path, _COLUMNS, map(asdict, marks))


def _restored(row: Mapping[str, Any]) -> ReviewMark:
    values = {name: row[name] for name in ("file", "mark")} | {name: row.get(name, "") for name in _COLUMNS[2:]}
    if not all(isinstance(value, str) for value in values.values()) or values["mark"] not in (*MARKS, ""):
        raise ValueError("no mark")
    return ReviewMark(**values)
