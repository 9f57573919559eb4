"""What every format's decoder returns, and the size that a picture may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from monai_lungxfer.utils.errors import InputFileError

MIN_SIDE = 32
"""Shortest side, in pixels, at which anything can be recognised."""

MAX_PIXELS = 150_000_000
"""Most pixels that are decoded: above every detector and film scanner, and still within a small computer's memory."""

MAX_BYTES = 4 * MAX_PIXELS
"""Most bytes that a file, what it unpacks to, or its pixels as they are stored may have."""

_BLOCK = 4_000_000
_NEAREST, _FARTHEST = 1e-6, 1e6


@dataclass(frozen=True)
class Picture:
    """The decoded content of a file, as in `monai_lungxfer.io.radiograph.Radiograph`.

    The pixels are (H, W), or (H, W, 3) for red, green and blue, of any real dtype. The remarks are what a person should
    know of the decoding, such as that something malformed was left out.
    """

    pixels: NDArray[Any]
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    view: str | None = None
    remarks: tuple[str, ...] = ()
    header: Dataset | None = field(default=None, repr=False)  # which names the patient


def check_size(path: Path, height: int, width: int, bytes_each: float = 1) -> None:
    """Refuse a picture by the size that its header declares, before memory is spent on its pixels.

    A side must have `MIN_SIDE` pixels, and there may be `MAX_PIXELS` and `MAX_BYTES`. `bytes_each` is what a pixel
    takes as it is stored, all its channels together.
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
    check_bytes(path, height * width * bytes_each)


def check_bytes(path: Path, count: float) -> None:
    """Refuse a file of which more than `MAX_BYTES` are there, unpacked, or declared."""
    if count > MAX_BYTES:
        raise InputFileError(
            f"too large: over {MAX_BYTES // 1_000_000} MB",
            source=path,
            remedy="Give one radiograph a file, and scale it down if it still is; packed files count unpacked",
        )


def check_single(path: Path, slices: int, size: Sequence[int]) -> None:
    """Refuse what is not one slice of two dimensions, such as a volume."""
    if slices != 1 or len(size) < 2:
        raise InputFileError(
            f"holds {slices} slices of {' x '.join(map(str, size))} pixels",
            source=path,
            remedy="Give one file for each radiograph; a volume is not a radiograph",
        )


def check_finite(path: str | Path, pixels: NDArray[np.float32]) -> None:
    """Refuse pixels (H, W) or (3, H, W) with NaN or infinity among them."""
    finite = np.isfinite(pixels)
    count = np.count_nonzero(~(finite if finite.ndim == 2 else finite.all(axis=0)))
    if count:
        raise InputFileError(
            f"holds NaN or infinity in {count} {'pixel' if count == 1 else 'pixels'}",
            source=path,
            remedy="Replace them by the value of the background",
        )


def valid_spacing(row: Any, column: Any) -> tuple[float, float] | None:
    """Return the spacing in mm as a pair of floats, or ``None`` unless both are numbers that areas can be made of."""
    try:
        pair = (float(row), float(column))
    except (TypeError, ValueError):
        return None
    return pair if all(_NEAREST <= value <= _FARTHEST for value in pair) else None  # NaN is out of this range


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows, so that an intermediate result of a large picture need never exist as a whole."""
    step = max(1, _BLOCK // width)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
