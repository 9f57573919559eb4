"""Masks that cannot be lungs, told by their shape alone: inverted ones, specks, pictures thresholded to pieces.

The limits lie between what 1,543 masks drawn by people (V7 Darwin) measure and what the same masks measure when they
are inverted; docs/data.md has the numbers. They are wider than the thresholds of the quality flags, which ask a person
to look at a mask that may well be right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.morphology.lungs import MIN_ISLAND_FRACTION, TOUCHING, counting_step, find_lungs, piece_areas

MAX_EDGE = 0.6
"""Greatest share of the edge of the foreground's box that is foreground (drawn masks: 0.37, inverted ones: 0.80)."""

MIN_BOX = 0.25
"""A smaller box, as a share of the image, is not judged by its edge: a lesion may fill it (largest of 403: 0.14)."""

SHARES = (0.01, 0.75)
"""Least and greatest share of the image that lungs cover (drawn masks: 0.09 to 0.66)."""

MAX_PIECES = 8
"""Pieces, specks not counted, that lungs are drawn in at most (drawn masks: 5)."""

INVERT = "Save it with the lungs bright on 0, for instance by inverting its colours"
"""What to do about an inverted mask."""


def find_inversion(mask: NDArray[np.generic]) -> str | None:
    """Tell why a mask (H, W), whose foreground is not 0, looks inverted; None when it does not.

    The background of lungs reaches along the image's border, or along that of the picture within a black frame. This
    holds for masks of lesions and other organs as well, as long as they do not fill most of the image. Lungs that are
    drawn as boxes have such an edge too, but then one gap leads from side to side between them.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    step = counting_step(mask.shape)
    box = mask[rows[0] : rows[-1] + 1 : step, columns[0] : columns[-1] + 1 : step] != 0
    edge = np.concatenate([box[0], box[-1], box[1:-1, 0], box[1:-1, -1]]).mean()
    if box.size * step**2 < MIN_BOX * mask.size or edge <= MAX_EDGE:
        return None
    if not mask.all() and (box.all() or _is_one_gap(~box)):
        return None
    return f"its mask looks inverted: {edge:.0%} of the edge around it is foreground"


def find_implausibility(mask: NDArray[np.generic]) -> str | None:
    """Tell why a mask (H, W), whose foreground is not 0, is not one of lungs; None when it may be. An empty one may."""
    inversion = find_inversion(mask)
    share = np.count_nonzero(mask) / mask.size
    if inversion is not None or share == 0:
        return inversion
    if not SHARES[0] <= share <= SHARES[1]:
        return f"its mask covers {share:.1%} of the image, and lungs cover {SHARES[0]:.0%} to {SHARES[1]:.0%}"
    step = counting_step(mask.shape)
    thinned = mask[::step, ::step] != 0
    areas = piece_areas(ndimage.label(thinned, TOUCHING)[0])
    pieces = int(np.count_nonzero(areas >= MIN_ISLAND_FRACTION * thinned.size))
    return f"its mask has {pieces} pieces, and lungs have two" if pieces > MAX_PIECES else None


def _is_one_gap(background: NDArray[np.bool_]) -> bool:
    """Tell whether a box's background is one piece that leads from a side to the opposite one, and not two lungs."""
    pieces = ndimage.label(background, TOUCHING)[0]
    areas = piece_areas(pieces)
    if find_lungs(areas).size > 1:
        return False
    gap = pieces == areas.argmax() + 1
    return bool((gap[0].any() and gap[-1].any()) or (gap[:, 0].any() and gap[:, -1].any()))
