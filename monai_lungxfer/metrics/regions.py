"""How well a mask fits in a part of the image, such as under a foreign object, and in the rest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Mask = NDArray[np.bool_]


def region_dice(mask: Mask, truth: Mask, region: Mask) -> float:
    """Return the Dice coefficient of the pixels of a region: 2 TP / (2 TP + FP + FN).

    NaN where the region has no pixel of the truth: there is no lung to be found there. The truth alone decides, so two
    masks of the same image are defined in the same regions.

    Parameters
    ----------
    mask, truth, region : numpy.ndarray
        bool (H, W).

    Examples
    --------
    >>> mask, truth = np.array([[True, True, False]]), np.array([[True, False, False]])
    >>> region_dice(mask, truth, np.array([[True, True, True]])), region_dice(mask, truth, truth)
    (0.6666666666666666, 1.0)
    """
    drawn = np.count_nonzero(truth & region)
    if not drawn:
        return math.nan
    return 2 * np.count_nonzero(mask & truth & region) / (np.count_nonzero(mask & region) + drawn)


def covered_share(truth: Mask, region: Mask) -> float:
    """Return the share of the truth that lies in a region, all bool (H, W); NaN without truth."""
    drawn = np.count_nonzero(truth)
    return np.count_nonzero(truth & region) / drawn if drawn else math.nan


def dilate_region(region: Mask, margin: float) -> Mask:
    """Return a region, bool (H, W), with all pixels within `margin`, a share of the image's diagonal, around it."""
    if not region.any():
        return region.copy()
    return distance_transform_edt(~region) <= margin * math.hypot(*region.shape)
