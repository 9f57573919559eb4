"""Fused lungs: a prediction that covers both lungs with one connected piece, by a band of any width or altogether.

`count_bridges` judges the shape of a mask alone, so it stops at bands of half a lung's width: beyond it, and in a mask
that is lung everywhere, two lungs look like one and the count is 0. Fusion needs the truth, and so it has no such end.
Where the prediction has both lungs, every bridge between them is a fusion, and a fusion without a bridge is a collapse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from monai_lungxfer.morphology.lungs import TOUCHING, check_mask, find_lungs, piece_areas

COVERED_SHARE = 0.5
"""A piece holds a lung when it covers more than this share of it, so that at most one piece holds a lung."""


def find_fusion(prediction: ArrayLike, truth: ArrayLike) -> bool | None:
    """Tell whether one connected piece of a prediction covers both lungs of the truth.

    Parameters
    ----------
    prediction, truth : array_like
        Masks (H, W) of {0, 1}, of the same size.

    Returns
    -------
    bool or None
        Whether one piece of the prediction covers more than `COVERED_SHARE` of each of the two largest pieces of the
        truth; ``None`` when the truth has not two lungs that are apart (see `monai_lungxfer.morphology.lungs`).

    Raises
    ------
    LungXferError
        When an array is no mask.
    """
    lungs, _ = ndimage.label(check_mask(truth), TOUCHING)
    areas = piece_areas(lungs)
    labels = find_lungs(areas)
    if len(labels) < 2:
        return None
    pieces, number = ndimage.label(check_mask(prediction), TOUCHING)
    held = [
        np.bincount(pieces[lungs == label], minlength=number + 1)[1:] > COVERED_SHARE * areas[label - 1]
        for label in labels
    ]
    return bool(np.logical_and(*held).any())
