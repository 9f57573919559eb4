"""Lungs that a band joins are cut apart there and nowhere else."""

from __future__ import annotations

import numpy as np

from monai_lungxfer.morphology.bridges import cut_bridges, find_bounding_box

LUNGS = np.zeros((64, 64), bool)
LUNGS[10:54, 6:26] = LUNGS[10:54, 38:58] = True


def test_a_band_between_the_lungs_goes():
    joined = LUNGS.copy()
    joined[30:34, 26:38] = True
    cut = cut_bridges(joined)
    assert not cut[:, 29:35].any()
    assert (cut & LUNGS).sum() == LUNGS.sum()
    assert (cut & ~LUNGS).sum() == 2 * 3 * 4  # the mouths of the band


def test_lungs_that_are_apart_are_returned_as_they_are():
    assert cut_bridges(LUNGS) is LUNGS
    empty = np.zeros((5, 7), bool)
    assert cut_bridges(empty) is empty


def test_bounding_box_begins_at_multiples_of_the_step():
    assert find_bounding_box(LUNGS) == (slice(10, 54), slice(6, 58))
    assert find_bounding_box(LUNGS, 4) == (slice(8, 54), slice(4, 58))
    assert find_bounding_box(np.zeros((3, 3), bool)) == (slice(0), slice(0))
