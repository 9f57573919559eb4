"""Lungs that a band joins are cut apart there and nowhere else."""

from __future__ import annotations

import numpy as np

from monai_lungxfer.morphology.bridges import cut_bridges, find_bounding_box
from monai_lungxfer.morphology.lungs import CoreSearch
from monai_lungxfer.morphology.pieces import find_pieces

LUNGS = np.zeros((64, 64), bool)
LUNGS[10:54, 6:26] = LUNGS[10:54, 38:58] = True


def cut(mask: np.ndarray) -> np.ndarray:
    return cut_bridges(mask, find_pieces(mask), CoreSearch())


def test_a_band_between_the_lungs_goes():
    joined = LUNGS.copy()
    joined[30:34, 26:38] = True
    parted = cut(joined)
    assert not parted[:, 29:35].any()
    assert (parted & LUNGS).sum() == LUNGS.sum()
    assert (parted & ~LUNGS).sum() == 2 * 3 * 4  # the mouths of the band


def test_lungs_that_are_apart_are_returned_as_they_are():
    assert cut(LUNGS) is LUNGS
    empty = np.zeros((5, 7), bool)
    assert cut(empty) is empty


def test_bounding_box():
    assert find_bounding_box(LUNGS) == (slice(10, 54), slice(6, 58))
    assert find_bounding_box(np.zeros((3, 3), bool)) == (slice(0), slice(0))
