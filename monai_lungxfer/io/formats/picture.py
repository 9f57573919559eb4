"""What every format's decoder returns, and the size that a picture may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.orientation import AS_STORED, Turn
from monai_lungxfer.utils.errors import InputFileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MIN_SIDE = 32
"""Shortest side, in pixels, at which anything can be recognised."""

MAX_PIXELS = 150_000_000
"""Most pixels that are decoded: above every detector and film scanner, and still within a small computer's memory."""

MAX_BYTES = 4 * MAX_PIXELS
"""Most bytes that a file, what it unpacks to, or its pixels as they are stored may have."""

_BLOCK = 1 << 16  # pixels, of which intermediate results stay in the processor's cache
_NEAREST, _FARTHEST = 1e-6, 1e6
_SMALLEST_FIELD, _LARGEST_FIELD = 80.0, 500.0  # mm of the longer side
_CUT_OUT = 256  # pixels of the longer side below which a picture is a piece of a radiograph, of any field
_PLACEHOLDER = (1.0, 1.0)
_PRINTERS = (72, 96, 100, 150, 200, 300, 400, 600, 1200)  # dots an inch


@dataclass(frozen=True)
class Picture:
    """The decoded content of a file, as in `monai_lungxfer.io.radiograph.Radiograph`.

    The pixels are (H, W), or (H, W, 3) for red, green and blue, of any real dtype, and as they are stored: the turn
    tells how they stand upright, by the header. The remarks are what a person should know of the decoding, such as that
    something malformed was left out; one of them says so where the data is damaged.
    """

    pixels: NDArray[Any]
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    view: str | None = None
    turn: Turn = AS_STORED
    remarks: tuple[str, ...] = ()
    header: Dataset | None = field(default=None, repr=False)  # which names the patient
    is_damaged: bool = False


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


def doubtful_spacing(spacing: tuple[float, float], size: tuple[int, int], *, is_dicom: bool) -> str | None:
    """Return why a spacing cannot be that of a radiograph, or ``None``.

    Parameters
    ----------
    spacing : tuple of float
        Between (rows, columns) in mm.
    size : tuple of int
        (H, W) in pixels.
    is_dicom : bool
        Other formats have placeholders: 1 mm where a program knew nothing, and the resolution of a printer.

    Notes
    -----
    The longest side of a detector or cassette for chest radiographs is 43.2 cm (17 inches; the largest cassette of
    ISO 4090 is 35 x 43 cm), hence at most 50 cm with a margin. The smallest cassette is 13 x 18 cm; a newborn's chest,
    cut out of it, still has more than 8 cm.
    """
    field = max(side * step for side, step in zip(size, spacing, strict=True))
    is_small = field < _SMALLEST_FIELD and max(size) >= _CUT_OUT
    if is_small or field > _LARGEST_FIELD:
        return f"its spacing would make it {field / 10:.3g} cm long, which no chest radiograph is"
    if not is_dicom and (spacing == _PLACEHOLDER or any(_is_dpi(spacing[0], dpi) for dpi in _PRINTERS)):
        return f"its spacing of {spacing[0]:.4g} mm is what programs write that do not know it"
    return None


def _is_dpi(spacing: float, dpi: int) -> bool:
    return abs(spacing * dpi / 25.4 - 1) < 1e-3


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows, so that an intermediate result of a large picture need never exist as a whole."""
    step = max(1, _BLOCK // width)
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
