"""Grey statistics of a radiograph: what a device does to the picture, before any network has seen it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

_SIDE = 512  # pixels of the longer side: noise and sharpness of pictures of different sizes are then comparable
_DARK = 0.02  # of the grey scale: collimated borders, and air
_LEVELS = 256
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_TO_SIGMA = 1 / (6 * 0.6745)  # the mask multiplies the deviation of white noise by 6; 0.6745: median to deviation


@dataclass(frozen=True)
class GreyStatistics:
    """Numbers of a picture whose grey values were scaled to 0..1, at 512 pixels of the longer side.

    Attributes
    ----------
    grey_mean, grey_spread : float
        Mean and standard deviation.
    grey_entropy : float
        In bits, of 256 levels.
    noise : float
        Standard deviation of white noise, by the median of a Laplacian (after Immerkaer, CVIU 64, 1996).
    sharpness : float
        Standard deviation of the detail finer than two pixels, over that of the picture.
    dark : float
        Share of the pixels at the dark end.
    """

    grey_mean: float
    grey_spread: float
    grey_entropy: float
    noise: float
    sharpness: float
    dark: float


GREY_NAMES = tuple(field.name for field in fields(GreyStatistics))


def measure_grey(pixels: NDArray[np.floating]) -> GreyStatistics | None:
    """Measure a radiograph (H, W) or (3, H, W) of any grey scale; ``None`` where all pixels are the same."""
    plane = pixels.mean(axis=0) if pixels.ndim == 3 else pixels
    low, high = float(plane.min()), float(plane.max())
    if not math.isfinite(high - low) or low == high:
        return None
    scaled = _shrink(((plane - low) / (high - low)).astype(np.float32))
    spread = float(scaled.std())
    counts = np.bincount((scaled.clip(0, 1) * (_LEVELS - 1)).round().astype(int).ravel(), minlength=_LEVELS)
    shares = counts[counts > 0] / scaled.size
    return GreyStatistics(
        grey_mean=float(scaled.mean()),
        grey_spread=spread,
        grey_entropy=float(-(shares * np.log2(shares)).sum()),
        noise=float(np.median(np.abs(ndimage.convolve(scaled, _LAPLACIAN)))) * _TO_SIGMA,
        sharpness=float((scaled - ndimage.gaussian_filter(scaled, 2)).std()) / max(spread, 1e-6),
        dark=float((scaled <= _DARK).mean()),
    )


def _shrink(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    scale = min(1.0, _SIDE / max(plane.shape))
    size = [max(1, round(side * scale)) for side in plane.shape[::-1]]
    return np.asarray(Image.fromarray(plane).resize((size[0], size[1]), Image.Resampling.BOX))
