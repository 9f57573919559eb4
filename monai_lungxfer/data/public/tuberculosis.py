"""What the two tuberculosis sets of the US National Library of Medicine have in common."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.data.public.findings import NORMAL, PATHOLOGICAL

__all__ = ["finding_in_name", "read_reading"]

_LONGEST = 300


def finding_in_name(stem: str) -> str | None:
    """Return the finding that the last digit of a name tells: 0 is normal, 1 is tuberculosis, else None."""
    return {"0": NORMAL, "1": PATHOLOGICAL}.get(stem.rpartition("_")[2])


def read_reading(folder: Path | None, stem: str) -> str | None:
    """Return what the clinical reading says of the lungs, without the lines on sex and age.

    Parameters
    ----------
    folder : pathlib.Path or None
        `ClinicalReadings`, if it is there.
    stem : str
        Name of the image.

    Returns
    -------
    str or None
        On one line; None without a reading.
    """
    file = folder / f"{stem}.txt" if folder else None
    if file is None or not file.is_file():
        return None
    lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    words = " ".join(line for line in lines if line and not _is_personal(line))
    return words[:_LONGEST] or None


def _is_personal(line: str) -> bool:
    lower = line.lower()
    return "sex" in lower or "age:" in lower or lower.startswith(("male", "female"))
