"""Dice inside and outside a region, against a version in plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from monai_lungxfer.metrics.regions import covered_share, dilate_region, region_dice


@pytest.mark.parametrize("seed", range(3))
def test_equals_dice_of_the_pixels_that_are_cut_out(seed):
    rng = np.random.default_rng(seed)
    mask, truth, region = rng.random((3, 20, 30)) > 0.5
    for part in (region, ~region):
        one, other = mask[part].astype(float), truth[part].astype(float)
        assert region_dice(mask, truth, part) == pytest.approx(2 * (one * other).sum() / (one.sum() + other.sum()))
    assert covered_share(truth, region) == pytest.approx((truth * region).sum() / truth.sum())


def test_only_the_truth_decides_whether_it_is_defined():
    truth, region = np.zeros((2, 4, 4), bool)
    truth[:2], region[2:] = True, True
    assert math.isnan(region_dice(np.ones((4, 4), bool), truth, region))
    assert region_dice(np.zeros((4, 4), bool), truth, ~region) == 0.0
    assert math.isnan(covered_share(np.zeros((4, 4), bool), region))


def test_dilation_by_a_share_of_the_diagonal():
    region = np.zeros((60, 80), bool)  # diagonal: 100 pixels
    region[30, 40] = True
    rows, columns = np.indices(region.shape)
    expected = np.hypot(rows - 30, columns - 40) <= 5
    np.testing.assert_array_equal(dilate_region(region, 0.05), expected)
    np.testing.assert_array_equal(dilate_region(region, 0.01), binary_dilation(region))
    assert not dilate_region(np.zeros((60, 80), bool), 0.05).any()
