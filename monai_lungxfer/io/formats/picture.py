"""What every format's decoder returns, and the size that a picture may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
        As in `monai_lungxfer.io.radiograph.Radiograph`.
    remarks : tuple of str
        What a person should know of the decoding, such as that something malformed was left out.
    header : pydicom.dataset.Dataset or None
        Of a DICOM file, without its pixel data.
    """

    pixels: NDArray[Any]
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    view: str | None = None
    remarks: tuple[str, ...] = ()
    header: Dataset | None = None


def check_size(path: Path, height: int, width: int, bytes_each: float = 1) -> None:
    """Refuse a picture by the size that its header declares, before memory is spent on its pixels.

    Parameters
    ----------
    path : pathlib.Path
        For messages.
    height, width : int
        In pixels.
    bytes_each : float
        What a pixel takes as it is stored, all its channels together.

    Raises
    ------
    InputFileError
        When a side is shorter than `MIN_SIDE`, or when there are more than `MAX_PIXELS` or `MAX_BYTES`.
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
    """Refuse a file by how many bytes it has, unpacks to, or declares.

    Raises
    ------
    InputFileError
        When they are more than `MAX_BYTES`.
    """
    if count > MAX_BYTES:
        raise InputFileError(
            f"too large: over {MAX_BYTES // 1_000_000} MB",
            source=path,
            remedy="Give one radiograph a file, and scale it down if it still is; packed files count unpacked",
        )


def check_finite(path: str | Path, pixels: NDArray[np.float32]) -> None:
    """Refuse pixels (H, W) or (3, H, W) that are not numbers.

    Raises
    ------
    InputFileError
        When there are NaN or infinity among them.
    """
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
