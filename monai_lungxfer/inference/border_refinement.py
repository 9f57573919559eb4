"""Correcting the border of a probability map by a small network that looks at the radiograph along it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch.nn.functional import interpolate, pad

from monai_lungxfer.networks.border_refiner import BorderRefiner

MAX_SIDE = 1024
"""Longest side in pixels at which any refiner looks at a radiograph."""

BAND = 0.04
"""How far from the predicted border a refiner has a say, as a share of the picture's longest side."""

THRESHOLD = 0.5
TILE, OVERLAP = 128, 32  # pixels
_TILES_AT_ONCE = 8
_SUREST = 0.02  # probability below which, and above 1 minus which, a refiner can still turn a pixel round


def make_picture(pixels: torch.Tensor, side: int) -> torch.Tensor:
    """Return what a refiner sees of a radiograph: mean 0, standard deviation 1, and no longer than `side`.

    Parameters
    ----------
    pixels : torch.Tensor
        (H, W), or (C, H, W), of whose channels the mean is taken.
    side : int
        Longest side in pixels; a smaller radiograph keeps its size.

    Returns
    -------
    torch.Tensor
        float32 (h, w).
    """
    grey = pixels.float() if pixels.dim() == 2 else pixels.float().mean(dim=0)
    scale = min(1.0, side / max(grey.shape))
    size = tuple(max(1, round(length * scale)) for length in grey.shape)
    small = resize_map(grey, (size[0], size[1]))
    return (small - small.mean()) / small.std().clamp(min=torch.finfo(torch.float32).tiny)


def resize_map(values: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize (H, W) bilinearly, with anti-aliasing."""
    if tuple(values.shape) == size:
        return values
    return interpolate(values[None, None], size, mode="bilinear", antialias=True)[0, 0]


def border_weight(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much a refiner has a say, (H, W) in 0..1: all along the border, less at some distance, and no more.

    Without a border, which is where lung and background meet, it has none.
    """
    lung = probability >= THRESHOLD
    if lung.all() or not lung.any():
        return np.zeros_like(probability)
    band = BAND * max(lung.shape)
    distance = np.where(lung, distance_transform_edt(lung), distance_transform_edt(~lung))
    return np.clip(2 * (band - distance) / band, 0, 1).astype(np.float32)


def refine_probability(probability: torch.Tensor, picture: torch.Tensor, network: BorderRefiner) -> torch.Tensor:
    """Correct a probability map along its border.

    Time and memory depend on the size of the picture, and hardly on that of the map.

    Parameters
    ----------
    probability : torch.Tensor
        float32 (H, W) at native size.
    picture : torch.Tensor
        (h, w), of `make_picture`, in the same frame.
    network : BorderRefiner
        In evaluation mode.

    Returns
    -------
    torch.Tensor
        float32 (H, W), in which what lies far from the border is as it was.
    """
    small = resize_map(probability, (picture.shape[0], picture.shape[1]))
    weight = torch.from_numpy(border_weight(small.numpy()))
    if not weight.any():
        return probability
    size = (probability.shape[0], probability.shape[1])
    correction = resize_map(border_correction(small, picture, weight, network), size)
    corrected = correct_logit(probability, correction).sigmoid()
    return probability + (correction != 0) * resize_map(weight, size) * (corrected - probability)


def correct_logit(probability: torch.Tensor, correction: torch.Tensor) -> torch.Tensor:
    """Return the logit of probabilities, of which none counts as quite sure, with what is added to it."""
    return probability.logit(eps=_SUREST) + correction


@torch.no_grad()
def border_correction(
    probability: torch.Tensor, picture: torch.Tensor, weight: torch.Tensor, network: BorderRefiner
) -> torch.Tensor:
    """Return the correction of the logit, (h, w), from tiles that touch the band and are blended where they overlap."""
    height, width = picture.shape
    given = _padded(torch.stack([picture, probability]))
    band = _padded(weight[None])[0]
    tiles = [tile for tile in _tiles(*band.shape) if band[tile].any()]
    total, blended = torch.zeros_like(band), torch.zeros_like(band)
    ramp = ((torch.arange(TILE) + 0.5) / OVERLAP).clamp(max=1)
    window = (ramp.minimum(ramp.flip(0)))[:, None] * ramp.minimum(ramp.flip(0))
    for start in range(0, len(tiles), _TILES_AT_ONCE):
        chosen = tiles[start : start + _TILES_AT_ONCE]
        for tile, correction in zip(chosen, network(torch.stack([given[:, *tile] for tile in chosen])), strict=True):
            blended[tile] += window * correction[0]
            total[tile] += window
    return (blended / total.clamp(min=torch.finfo(torch.float32).tiny))[:height, :width]


def _padded(planes: torch.Tensor) -> torch.Tensor:
    """Repeat the last row and column of (C, h, w) until tiles cover all."""
    step = TILE - OVERLAP
    below, right = (max(0, TILE - length) or (OVERLAP - length) % step for length in planes.shape[1:])
    return pad(planes[None], (0, right, 0, below), mode="replicate")[0]


def _tiles(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    step = TILE - OVERLAP
    for row, column in product(range(0, height - OVERLAP, step), range(0, width - OVERLAP, step)):
        yield slice(row, row + TILE), slice(column, column + TILE)
