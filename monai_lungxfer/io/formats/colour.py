"""From red, green and blue to grey, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats.picture import row_blocks

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma, ITU-R BT.601."""

COLOUR_TOLERANCE = 8 / 255
"""How far the channels of a grey pixel may be apart, as a share of the largest value. Above it is real colour;
below it, what JPEG's rounding of the chroma leaves of grey."""


def is_coloured(pixels: NDArray[Any]) -> bool:
    """Tell whether any pixel of (H, W, 3) has channels further apart than `COLOUR_TOLERANCE` allows."""
    if _is_neutral(pixels):
        return False
    limit = COLOUR_TOLERANCE * max(float(pixels.max()), -float(pixels.min()))
    for rows in row_blocks(*pixels.shape[:2]):
        red, green, blue = to_planes(pixels[rows])  # as floats: the difference of unsigned integers would wrap around
        highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
        if (highest - lowest).max() > limit:
            return True
    return False


def to_grey(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Make (H, W) of (H, W) or (H, W, 3): one channel where all three are the same everywhere, else their luma."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels, dtype=np.float32)
    if _is_neutral(pixels):
        return np.ascontiguousarray(pixels[..., 0], dtype=np.float32)
    grey = np.empty(pixels.shape[:2], np.float32)
    for rows in row_blocks(*pixels.shape[:2]):
        grey[rows] = pixels[rows].astype(np.float32) @ np.asarray(LUMA, np.float32)
    return grey


def _is_neutral(pixels: NDArray[Any]) -> bool:
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return np.array_equal(red, green) and np.array_equal(red, blue)


def to_planes(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Make (3, H, W) of (H, W), by replication, or of (H, W, 3)."""
    if pixels.ndim == 2:
        return np.repeat(np.asarray(pixels, dtype=np.float32)[None], 3, axis=0)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=np.float32)
