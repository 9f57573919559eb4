"""What a DICOM node's journal tells: radiographs that arrived, what became of them, and deliveries."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

State = Literal["received", "segmented", "done", "failed", "left out"]
STATES: tuple[State, ...] = ("received", "segmented", "done", "failed", "left out")
Source = Literal["store", "watch", "poll"]


@dataclass(frozen=True)
class Arrival:
    """A radiograph that came in. The names of the patient and of the study are in its file alone.

    Attributes
    ----------
    file : str
        Name of its file in the spool's folder of radiographs.
    instance, accession : str
        SOP Instance UID (0008,0018) and Accession Number (0008,0050); the journal keeps hashes of them.
    content : str
        What tells it from another one of that UID, see `monai_lungxfer.serving.dicom.arrivals.hash_content`.
    source : {"store", "watch", "poll"}
        How it came: C-STORE, watched folder, or DICOMweb.
    reason : str or None
        Why it is left out.
    """

    file: str
    instance: str
    accession: str
    content: str
    source: Source
    reason: str | None = None


@dataclass(frozen=True)
class NodeRow:
    """A radiograph in the journal. Times are seconds since 1970 (UTC); the end is also that of what failed."""

    number: int
    file: str
    version: int
    content: str
    accession: str  # 12 hexadecimal digits of a salted hash, "" without a number
    source: str
    state: State
    interruptions: int
    received_at: float
    segmented_at: float | None
    done_at: float | None
    model: str | None
    flags: tuple[str, ...]
    reason: str | None
    has_files: bool


@dataclass(frozen=True)
class Delivery:
    """Results that wait for a destination, or were given up. `number` is that of the radiograph."""

    number: int
    destination: str
    tries: int
    reason: str | None
    next_at: float


@dataclass(frozen=True)
class DeadLetter:
    """What needs a person: a radiograph that failed, or a delivery that was given up (`destination` names it)."""

    number: int
    accession: str
    destination: str | None
    tries: int
    reason: str
    at: float


def restore_row(row: sqlite3.Row) -> NodeRow:
    """Return a radiograph as the table has it."""
    values = {name: row[name] for name in NodeRow.__dataclass_fields__ if name not in ("number", "flags", "has_files")}
    flags = tuple((row["flags"] or "").split(",")) if row["flags"] else ()
    return NodeRow(number=row["id"], flags=flags, has_files=bool(row["has_files"]), **values)
