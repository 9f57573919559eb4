"""Drawing phantoms of brain MRI slices with a lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["brain_slice"]

# Grey values in (pre-contrast T1, FLAIR, post-contrast T1).
SKULL = (0.75, 0.5, 0.8)
BRAIN = (0.45, 0.4, 0.48)
WHITE_MATTER = (0.12, -0.08, 0.12)
VENTRICLE = (-0.3, -0.32, -0.3)
LESION = (-0.08, 0.38, 0.05)


def brain_slice(
    rng: np.random.Generator, size: int = 256, lesion: bool = True
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw an axial slice of the three sequences that the LGG data set stacks as colours.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides on size, place and texture of everything.
    size : int
        Height and width in pixels.
    lesion : bool
        Whether there is a lesion: irregular, bright in FLAIR, in one hemisphere.

    Returns
    -------
    image : numpy.ndarray
        uint8 (size, size, 3): pre-contrast, FLAIR, post-contrast.
    mask : numpy.ndarray
        bool (size, size), the lesion.
    """
    rows, columns = np.mgrid[:size, :size]
    x = (2 * columns / size - 1 - rng.uniform(-0.08, 0.08)) / rng.uniform(0.6, 0.75)
    y = (2 * rows / size - 1 - rng.uniform(-0.08, 0.08)) / rng.uniform(0.75, 0.9)
    radius = np.hypot(x, y)
    brain = radius < 0.88
    skull = (radius > 0.93) & (radius < 1.0)
    white = brain & (_texture(rng, size, 18) > 0) & (radius < 0.75)
    apart = np.abs(x) - 0.12 - 0.1 * np.abs(y)
    ventricles = (np.abs(apart) < 0.06) & (np.abs(y) < rng.uniform(0.25, 0.4))
    mask = _lesion(rng, x, y, size) & brain if lesion else np.zeros_like(brain)
    channels = []
    for channel in range(3):
        plane = SKULL[channel] * skull + BRAIN[channel] * brain + WHITE_MATTER[channel] * white
        plane = plane + VENTRICLE[channel] * ventricles + LESION[channel] * mask * (1 - 0.5 * ventricles)
        plane = ndimage.gaussian_filter(plane, size / 220) + 0.03 * _texture(rng, size, 40) * brain
        channels.append(plane * rng.uniform(0.9, 1.1) + np.abs(rng.normal(0, 0.015, plane.shape)))
    return (255 * np.stack(channels, axis=2).clip(0, 1)).round().astype(np.uint8), mask


def _texture(rng: np.random.Generator, size: int, grains: float) -> NDArray[np.float64]:
    """Return smooth noise of unit variance with about so many grains across."""
    noise = ndimage.gaussian_filter(rng.normal(size=(size, size)), size / grains / 2)
    return noise / noise.std()


def _lesion(rng: np.random.Generator, x: NDArray, y: NDArray, size: int) -> NDArray[np.bool_]:
    centre_x, centre_y = rng.choice([-1, 1]) * rng.uniform(0.25, 0.5), rng.uniform(-0.45, 0.45)
    reach = rng.uniform(0.18, 0.34) * (1 + 0.2 * _texture(rng, size, 14))
    return np.hypot(x - centre_x, y - centre_y) < reach
