"""Where the report of an evaluation is written: a name for each weights and section, which is not replaced unasked."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import hash_file

HASH_DIGITS = 12
"""Digits of a SHA-256 that name weights, masks and images in reports."""


def name_report(folder: str | Path, section: str, weights: str | Path, own: str | Path) -> Path:
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

    Returns
    -------
    pathlib.Path
        ``SECTION.json`` of the training's own weights, ``SECTION-HASH.json`` of others, with the first digits of their
        SHA-256.
    """
    digest = hash_file(weights)
    if Path(own).is_file() and hash_file(own) == digest:
        return Path(folder) / f"{section}.json"
    return Path(folder) / f"{section}-{digest[:HASH_DIGITS]}.json"


def keep_report(path: str | Path, *, overwrite: bool) -> None:
    """Raise OutputError when a report is there already and must not be replaced."""
    if not overwrite and Path(path).exists():
        raise OutputError(
            "is there already",
            source=path,
            remedy="Read it, add --overwrite to measure again, or name another file (--set report_file=FILE)",
        )
