"""Consolidations and effusions drawn into the lungs of a radiograph, whose mask stays what it was."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_lungxfer.synthetic.canvas import smooth_noise

_TISSUE = (60, 95)  # percentiles of the grey values outside the lungs that an opacity takes


def opacity(image: np.ndarray, lungs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whiten a part of the lungs to the grey of soft tissue, as pneumonia, oedema or an effusion does.

    A network that has seen lungs as dark areas only leaves such parts out; the annotators of a mask do not.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W), bright where the body absorbs, in any range.
    lungs : numpy.ndarray
        (H, W), nonzero where the lungs are; without lungs nothing changes.
    rng : numpy.random.Generator
        Decides on place, size, shape and density.
    """
    inside = lungs > 0
    if not inside.any() or inside.all():
        return image.astype(np.float32)
    density = _cloud(inside, rng) * rng.uniform(0.4, 0.95)
    # Soft at the lungs' border, so that the edge of the drawn opacity does not give the border away.
    density *= ndimage.gaussian_filter(inside.astype(np.float32), 0.006 * max(image.shape))
    level = np.percentile(image[~inside], rng.uniform(*_TISSUE))
    return (image + density * np.maximum(level - image, 0)).astype(np.float32)


def _cloud(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a density, float32 (H, W) in 0..1: a blob around a point in the lungs, or everything below it."""
    height, width = inside.shape
    row, column = rng.choice(np.argwhere(inside))
    rows, columns = np.indices(inside.shape, dtype=np.float32)
    radii = rng.uniform(0.06, 0.3, 2) * max(height, width)
    distance = np.hypot((rows - row) / radii[0], (columns - column) / radii[1])
    if rng.random() < 0.3:  # an effusion fills the side from its base upwards
        sideways = np.abs(columns - column) / (0.25 * width)
        distance = np.maximum((row - rows) / radii[0] + 1, sideways)
    ragged = 0.25 * smooth_noise(rng, height, width, int(rng.integers(6, 24)))
    return (1.6 - 1.2 * distance + ragged).clip(0, 1)
