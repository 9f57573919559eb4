"""By which rules masks were drawn: lungs with or without the heart are not the same lungs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError

__all__ = ["MIXED_REMEDY", "check_mask_conventions", "mask_convention"]

MIXED_REMEDY = "Train on masks of one convention; or allow the mixture with --allow-mixed-masks if it is what you want"


def mask_convention(record: Record) -> str | None:
    """Return the convention that a record states for its mask, None without a mask or a statement."""
    stated = record.get("mask_convention") if "label" in record else None
    return str(stated) if stated else None


def check_mask_conventions(records: Iterable[Record], *, allow_mixed: bool = False, source: str | Path) -> None:
    """Refuse a data set whose masks were drawn by different conventions.

    A network that learns from both lungs with the heart behind them (``v7``) and lungs without (``scr``,
    ``montgomery``) learns neither. Records that state no convention are not judged.

    Raises
    ------
    DatalistError
        When there are two conventions or more, unless `allow_mixed`. The message names `source`, the data set.
    """
    stated = sorted({convention for record in records if (convention := mask_convention(record))})
    if len(stated) > 1 and not allow_mixed:
        raise DatalistError(f"mixes masks of the conventions {', '.join(stated)}", source=source, remedy=MIXED_REMEDY)
