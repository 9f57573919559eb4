"""The locked test set: patients whom no training, no choice of an epoch and no comparison on the way may see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from monai_lungxfer.data.records import Record

LOCK = "monai_lungxfer locked test set 1"
"""What the rule starts from: another text locks other patients."""

LOCKED_SHARE = 0.2
"""Share of the portable patients that `train_best.yaml` locks, and that is measured where no split says otherwise."""


def is_locked(patient: str, share: float) -> bool:
    """Tell whether a patient belongs to the locked test set.

    The SHA-256 of the patient's name alone decides. So a patient stays on the same side when images are added, in every
    split and on every machine, and no list of patients is kept. A smaller share locks some of the same patients. The
    share is met on average only: of 77 patients, 20 % are 15.4 ± 3.5.

    Parameters
    ----------
    patient : str
        As the datalist names the patient.
    share : float
        Of all patients, 0 to below 1.

    Examples
    --------
    >>> [name for name in ("AP01", "AP02", "AP03", "AP04", "AP05", "AP06", "AP07", "AP08") if is_locked(name, 0.2)]
    ['AP04', 'AP06']
    """
    digest = hashlib.sha256(f"{LOCK}\n{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def part_locked(records: Iterable[Record], share: float) -> tuple[list[Record], list[Record]]:
    """Return the records of locked patients, and those that are free to be learnt from and measured.

    Parameters
    ----------
    records : iterable of Record
        Of a data set; the order is kept.
    share : float
        See `is_locked`.
    """
    parts: tuple[list[Record], list[Record]] = [], []
    for record in records:
        parts[not is_locked(record["patient"], share)].append(record)
    return parts
