"""Cleaning of lung masks: what the network drew outside, between and inside the two lungs (Vidal et al. 2021, Fig. 13).

What a bridge and an island are is defined in `monai_lungxfer.morphology.lungs`; here they are taken away. A mask that
people drew stays as it is, but for small holes: of 1,543 drawn masks (V7 Darwin) 7 have any that cover
`MIN_ISLAND_FRACTION` of the image, and each of these is an object on the lung that the annotators left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_lungxfer.morphology.bridges import cut_bridges, find_bounding_box
from monai_lungxfer.morphology.lungs import MIN_ISLAND_FRACTION, TOUCHING, check_mask, find_lungs, piece_areas

MAX_HOLE = 0.025
"""Larger holes are left for a person: share of the lungs with their holes (the largest in the drawn masks is 0.007)."""

_MOST_CUTS = 4  # one lung of a parted pair may itself part into a pair, which is so rare that no mask needed a second


def clean_lungs(mask: ArrayLike) -> NDArray[np.bool_]:
    """Drop what is not lung, fill holes, and cut bridges, until nothing changes.

    Parameters
    ----------
    mask : array_like
        Mask (H, W) of {0, 1}, of any size.

    Returns
    -------
    numpy.ndarray
        The cleaned mask, bool (H, W): two lungs, or one, or none, but for lungs that are fused beyond what counts as
        a bridge.
    """
    cleaned = fill_holes(keep_lungs(check_mask(mask)))
    for _ in range(_MOST_CUTS):
        cut = cut_bridges(cleaned)
        if cut is cleaned:
            break
        cleaned = fill_holes(keep_lungs(cut))
    return cleaned


def keep_lungs(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop every piece that is none of the two lungs: islands and noise.

    The same array (bool, H, W) is returned when there is nothing to drop.
    """
    box = find_bounding_box(mask)
    pieces, number = ndimage.label(mask[box], TOUCHING)
    lungs = find_lungs(piece_areas(pieces))
    if lungs.size == number:
        return mask
    is_kept = np.zeros(number + 1, dtype=bool)
    is_kept[lungs] = True
    kept = mask.copy()
    kept[box] = is_kept[pieces]
    return kept


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes that a lung encloses: up to `MAX_HOLE` of two lungs, or noise where there is one piece.

    One piece may be two lungs that are fused above and below the mediastinum, so its hole may be the gap between
    them; hence only what is smaller than `MIN_ISLAND_FRACTION` of the image is filled in it. The mask (bool, H, W) must
    have no other pieces than the lungs. The same array is returned when there is nothing to fill.
    """
    if not mask.any():
        return mask
    box = find_bounding_box(mask)
    gaps, _ = ndimage.label(~mask[box])
    areas = piece_areas(gaps)
    open_ones = np.unique(np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]]))
    enclosed = np.setdiff1d(np.arange(1, areas.size + 1), open_ones)
    if enclosed.size == 0:
        return mask
    is_pair = ndimage.label(mask[box], TOUCHING)[1] > 1
    lungs = np.count_nonzero(mask) + areas[enclosed - 1].sum()
    largest = MAX_HOLE * lungs if is_pair else MIN_ISLAND_FRACTION * mask.size
    filling = np.zeros(areas.size + 1, dtype=bool)
    filling[enclosed] = areas[enclosed - 1] <= largest
    if not filling.any():
        return mask
    filled = mask.copy()
    filled[box] |= filling[gaps]
    return filled
