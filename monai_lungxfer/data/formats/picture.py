"""What every format's decoder returns, and the size that a picture may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from monai_lungxfer.errors import InputFileError

__all__ = ["MAX_PIXELS", "MIN_SIDE", "Picture", "check_size", "row_blocks", "valid_spacing"]

MIN_SIDE = 32
"""Shortest side, in pixels, at which anything can be recognised."""

MAX_PIXELS = 150_000_000
"""Most pixels that are decoded: above every detector and film scanner, and still within a small computer's memory."""

_BLOCK = 4_000_000


@dataclass(frozen=True)
class Picture:
    """The decoded content of a file.

    Attributes
    ----------
    pixels : numpy.ndarray
        (H, W), or (H, W, 3) for red, green and blue; any real dtype.
    spacing : tuple of float or None
        Distance between (rows, columns) in mm.
    spacing_source : str or None
        Where in the file the spacing stands.
    view : str or None
        As in `monai_lungxfer.data.radiograph.Radiograph`.
    """

    pixels: NDArray[Any]
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    view: str | None = None


def check_size(path: Path, height: int, width: int) -> None:
    """Refuse a picture by the size that its header declares, before memory is spent on its pixels.

    Raises
    ------
    InputFileError
        When a side is shorter than `MIN_SIDE`, or when there are more than `MAX_PIXELS`.
    """
    if min(height, width) < MIN_SIDE:
        raise InputFileError(
            f"too small: {width} x {height} pixels",
            source=path,
            remedy=f"Each side must have at least {MIN_SIDE} pixels; export the radiograph again",
        )
    if height * width > MAX_PIXELS:
        raise InputFileError(
            f"too large: {width} x {height} pixels",
            source=path,
            remedy=f"At most {MAX_PIXELS // 1_000_000} million pixels are read; scale the radiograph down",
        )


def valid_spacing(row: Any, column: Any) -> tuple[float, float] | None:
    """Return the spacing as a pair of floats, or ``None`` unless both are finite numbers above 0."""
    try:
        pair = (float(row), float(column))
    except (TypeError, ValueError):
        return None
    return pair if all(math.isfinite(value) and value > 0 for value in pair) else None


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows, so that an intermediate result of a large picture need never exist as a whole."""
    step = max(1, _BLOCK // width)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
