"""Foreign objects by name and dose, drawn onto pixels of any range, and where they lie.

A dose multiplies what the objects add to the image: 0 draws nothing, 1 is the simulated device, 2 absorbs twice as
much. It changes neither the number nor the place of the objects, so doses of the same seed can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.synthetic.objects import MARKERS, draw_marker_position, electrodes, pacemaker, text_marker, tubes
from monai_lungxfer.synthetic.portable_device import STRENGTHS, strengths

MOST_TUBES, MOST_ELECTRODES, MOST_MARKERS = 3, 5, 2

VISIBLE = 1 / 255
"""Smallest change that counts, as a share of the range of grey values: one level of 8 bits."""

Drawer = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _draw_tubes(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return tubes(image, rng, int(rng.integers(1, MOST_TUBES + 1)))


def _draw_electrodes(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return electrodes(image, rng, int(rng.integers(1, MOST_ELECTRODES + 1)))


def _draw_markers(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    for text in map(str, rng.choice(MARKERS, int(rng.integers(1, MOST_MARKERS + 1)), replace=False)):
        place = draw_marker_position(rng, text)
        image = text_marker(image, text, place, **strengths(rng, STRENGTHS["text_marker"]))
    return image


# In the order of the physics: what lies on the patient comes before what is written over the image.
_DRAWERS: Mapping[str, Drawer] = MappingProxyType(
    {"pacemaker": pacemaker, "tubes": _draw_tubes, "electrodes": _draw_electrodes, "markers": _draw_markers}
)
_WRITTEN = "markers"

ALL = "all"
"""Stands for every kind of object in one image."""

OBJECTS = (*_DRAWERS, ALL)
"""Names of the objects."""


def draw_objects(pixels: NDArray[np.float32], name: str, dose: float, seed: int | Sequence[int]) -> NDArray[np.float32]:
    """Return pixels with objects drawn onto them.

    Parameters
    ----------
    pixels : numpy.ndarray
        float32 (H, W) or (C, H, W) of any range, upright, bright where the body absorbs. All planes get the same
        objects.
    name : str
        One of `OBJECTS`: a pacemaker, 1 to 3 tubes, 1 to 5 electrodes, 1 or 2 markers, or all of these.
    dose : float
        What multiplies their absorption, 0 or more. Letters of markers are laid over the image, and are opaque at 1.
    seed : int or sequence of int
        Decides on number, place and shape; the same for every dose.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape and range. Pixels that no object touches are the same to the bit.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return pixels.copy()
    planes = pixels if pixels.ndim == 3 else pixels[None]
    drawn = [plane + (high - low) * _added((plane - low) / (high - low), name, dose, seed) for plane in planes]
    return np.stack(drawn).reshape(pixels.shape).clip(low, high).astype(np.float32)


def _added(image: np.ndarray, name: str, dose: float, seed: int | Sequence[int]) -> np.ndarray:
    """Return what objects add to an image (H, W) of grey values 0..1; exactly 0 beside them."""
    rng = np.random.default_rng(seed)
    changed = image
    for kind in _DRAWERS if name == ALL else (name,):
        # Absorbing objects are drawn on black, where nothing is cut off at the brightest value.
        ground = changed if kind == _WRITTEN else np.zeros_like(image)
        changed = (changed + dose * (_DRAWERS[kind](ground, rng) - ground)).clip(0, 1)
    return changed - image


def find_footprint(pixels: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where drawn objects can be seen: bool (H, W), pixels that differ by more than `VISIBLE` of the range.

    Both are (H, W) or (C, H, W); a difference in one plane is enough.
    """
    difference = np.abs(drawn - pixels) > VISIBLE * (float(pixels.max()) - float(pixels.min()))
    return difference if difference.ndim == 2 else difference.any(axis=0)
