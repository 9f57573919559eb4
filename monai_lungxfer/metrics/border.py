"""How well the border of a mask fits, at the size at which it was drawn: boundary IoU and normalised surface Dice."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
from monai.metrics import compute_surface_dice
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

Spacing = tuple[float, float]
Mask = NDArray[np.bool_]

BAND = 0.02
"""Width of the band of boundary IoU, as a share of the image's diagonal (Cheng et al. 2021)."""


def boundary_iou(mask: Mask, truth: Mask) -> float:
    """Return the boundary IoU (Cheng et al., CVPR 2021, Eq. 3): overlap of the inner bands along both contours.

    A band is what erosion by 3 x 3 pixels, repeated for `BAND` of the diagonal, takes off a mask; the edge of the image
    is contour, too, as in the authors' code. Both empty: 1, since they agree; one empty: 0.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool (H, W).
    """
    width = max(1, round(BAND * math.hypot(*mask.shape)))
    bands = [one & ~_eroded(one, width) for one in (mask, truth)]
    union = np.count_nonzero(bands[0] | bands[1])
    return np.count_nonzero(bands[0] & bands[1]) / union if union else 1.0


def _eroded(mask: Mask, times: int) -> Mask:
    """Erode by 3 x 3 pixels so many times, with background around the image; one pass of a larger square does it."""
    return minimum_filter(mask.view(np.uint8), size=2 * times + 1, mode="constant", cval=0).view(bool)


def surface_dice(mask: Mask, truth: Mask, tolerance: float, spacing: Spacing = (1.0, 1.0)) -> float:
    """Return the normalised surface Dice (Nikolov et al. 2018, by MONAI): the share of both contours that lies close.

    Both empty: 1; one empty: 0.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool (H, W).
    tolerance : float
        Largest distance that counts as none, in the unit of `spacing`.
    spacing : tuple of float
        Of (rows, columns).
    """
    if not (mask.any() and truth.any()):
        return float(mask.any() == truth.any())
    found, drawn = (torch.from_numpy(one[None, None]) for one in (mask, truth))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI 1.6 gives itself an argument that it warns of
        share = compute_surface_dice(found, drawn, [tolerance], include_background=True, spacing=list(spacing))
    return share.item()


def _of_diagonal(share: float, mask: Mask, truth: Mask, spacing: Spacing | None) -> float:  # noqa: ARG001
    return surface_dice(mask, truth, share * math.hypot(*mask.shape))


def _in_mm(tolerance: float, mask: Mask, truth: Mask, spacing: Spacing | None) -> float:
    return math.nan if spacing is None else surface_dice(mask, truth, tolerance, spacing)


BORDER_METRICS: Mapping[str, Callable[[Mask, Mask, Spacing | None], float]] = MappingProxyType(
    {
        "BIOU": lambda mask, truth, spacing: boundary_iou(mask, truth),  # noqa: ARG005
        "NSD_D0.5": partial(_of_diagonal, 0.005),
        "NSD_D1": partial(_of_diagonal, 0.01),
        "NSD_2MM": partial(_in_mm, 2.0),
        "NSD_5MM": partial(_in_mm, 5.0),
    }
)
"""Boundary IoU, and surface Dice at 0.5 and 1 % of the diagonal and at 2 and 5 mm: NaN where no spacing is known.

The diagonal is a tolerance that images without a spacing have in common, whatever their size. That of a detector of
35 x 43 cm has 554 mm, so that 0.5 % are 2.8 mm and 1 % are 5.5 mm.
"""
