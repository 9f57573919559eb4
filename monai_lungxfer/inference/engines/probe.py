"""A known answer: each runtime and processor proves itself on it before it segments a radiograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.utils.errors import LungXferError

_SIZE = (231, 203)  # which no network has, so that it is resized, and no multiple of anything
_GRID = 6
_FARTHEST = {"float32": 0.05, "bfloat16": 3.0}
"""Largest difference of a mean logit; engines that work differ by less than a hundredth of it, and half of it."""


def probe_image(planes: int) -> NDArray[np.float32]:
    """Return an image (1, planes, H, W): two dark ovals on a bright ground that gets darker to the right."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in _SIZE)
    image = 180 - 40 * np.broadcast_to(columns, _SIZE)
    for centre in (-0.45, 0.42):
        oval = ((rows[:, None] - 0.03) / 0.75) ** 2 + ((columns - centre) / 0.32) ** 2
        image = image - 110 * np.exp(-(oval**2))
    return np.ascontiguousarray(np.broadcast_to(image, (1, planes, *_SIZE)), dtype=np.float32)


def summary(logits: NDArray[np.float32]) -> list[float]:
    """Return the means of logits (1, 1, h, w) over a grid of parts, row by row."""
    rows = np.array_split(logits[0, 0].astype(np.float64), _GRID, axis=0)
    return [round(float(part.mean()), 5) for row in rows for part in np.array_split(row, _GRID, axis=1)]


def check_probe(found: NDArray[np.float32], expected: Sequence[float], precision: str = "float32") -> None:
    """Raise a LungXferError when logits are not those that are expected of `probe_image`."""
    own = np.asarray(summary(found))
    # Written so that a difference which is no number is none that is small.
    if own.shape != (len(expected),) or not np.abs(own - np.asarray(expected)).max() <= _FARTHEST[precision]:
        raise LungXferError(
            "this engine computes another result here than PyTorch did where the pipeline was compiled",
            remedy="Use another engine (--engine torch), and report your processor and the engine's version",
        )
