"""What a drawn mask loses by the network's grid alone: the ceiling of a perfect network of that input size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from monai_lungxfer.metrics.per_image import image_metrics

WAYS = ("mask", "probability")
"""The two ways back from the grid to the native size."""

CEILING_METRICS = ("DICE_HARD", "BIOU", "NSD_D0.5", "HD95", "ASD")


def send_through_grid(truth: NDArray[np.uint8], size: Sequence[int], way: str) -> NDArray[np.uint8]:
    """Send a drawn mask through a grid and back to its own size.

    Down it goes as a network would see it at best: bilinear with anti-aliasing, so that a value is the share of lung.
    As a "mask" it is thresholded on the grid and brought back by nearest neighbours. As a "probability" it is brought
    back bilinearly and thresholded at its own size, as ``lungxfer predict`` does it.

    Parameters
    ----------
    truth : numpy.ndarray
        (H, W) of {0, 1}.
    size : sequence of int
        (h, w) of the grid in pixels.
    way : {"mask", "probability"}
        See above.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W) of {0, 1}.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    native = torch.from_numpy(np.asarray(truth, dtype=np.float32))[None, None]
    grid = interpolate(native, tuple(size), mode="bilinear", antialias=True)
    if way == "mask":
        back = interpolate((grid >= 0.5).float(), native.shape[2:], mode="nearest-exact")
    else:
        back = interpolate(grid, native.shape[2:], mode="bilinear")
    return (back[0, 0] >= 0.5).numpy().astype(np.uint8)


def measure_ceiling(
    truth: NDArray[np.uint8], size: Sequence[int], spacing: Sequence[float] | None = None
) -> dict[str, dict[str, float]]:
    """Measure what both ways through a grid leave of a drawn mask, at its own size.

    Parameters
    ----------
    truth, size
        See `send_through_grid`.
    spacing : sequence of float, optional
        (rows, columns) in mm, for distances in mm.

    Returns
    -------
    dict
        For each of `WAYS`, the `CEILING_METRICS` by name; what is lost is 1 minus the Dice.
    """
    return {way: _measure(send_through_grid(truth, size, way), truth, spacing) for way in WAYS}


def _measure(mask: NDArray[np.uint8], truth: NDArray[np.uint8], spacing: Sequence[float] | None) -> dict[str, float]:
    values = image_metrics(mask.astype(np.float32), np.asarray(truth), CEILING_METRICS, spacing)
    return {name: value.item() for name, value in values.items()}
