"""Where the report of an evaluation is written: a name for each weights and section, which is not replaced unasked."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import hash_file

HASH_DIGITS = 12
"""Digits of a SHA-256 that name weights, masks and images in reports."""


PLACES = ("grid", "native")
"""Where predictions are compared with masks: on the network's grid, or at the radiograph's own size."""


def is_native(at: str, refiner: str | Path | None = None) -> bool:
    """Tell whether an evaluation is at the native size, and refuse any other word than those of `PLACES`.

    A `LungXferError` is also raised for a refiner on the grid, since it works at the native size.
    """
    if at not in PLACES:
        raise LungXferError(f"at would be {at!r}", remedy=f"Use {' or '.join(PLACES)}")
    if refiner is not None and at == "grid":
        raise LungXferError("a border refiner works at the native size alone", remedy="Add --at native (at: native)")
    return at == "native"


def name_report(
    folder: str | Path,
    section: str,
    weights: str | Path,
    own: str | Path,
    at: str = "grid",
    refiner: str | Path | None = None,
) -> Path:
    """Return the report file of weights on a section of a split.

    Parameters
    ----------
    folder : str or pathlib.Path
        The output folder of a training.
    section : str
        Of the split.
    weights : str or pathlib.Path
        The file that is measured.
    own : str or pathlib.Path
        The weights of the training itself, which may not be there.
    at : {"grid", "native"}
        Where it is measured.
    refiner : str or pathlib.Path, optional
        File of the border refiner that is measured, too.

    Returns
    -------
    pathlib.Path
        ``SECTION.json`` of the training's own weights, ``SECTION-HASH.json`` of others, with the first digits of their
        SHA-256. At native size the section is followed by ``-native``, and with a refiner by ``-refined-HASH``.
    """
    digest = hash_file(weights)
    is_own = Path(own).is_file() and hash_file(own) == digest
    parts = [section] if at == "grid" else [section, at]
    parts += [] if refiner is None else ["refined", hash_file(refiner)[:HASH_DIGITS]]
    return Path(folder) / f"{'-'.join(parts if is_own else [*parts, digest[:HASH_DIGITS]])}.json"


def keep_report(path: str | Path, *, overwrite: bool) -> None:
    """Raise OutputError when a report is there already and must not be replaced."""
    if not overwrite and Path(path).exists():
        raise OutputError(
            "is there already",
            source=path,
            remedy="Read it, add --overwrite to measure again, or name another file (--set report_file=FILE)",
        )
