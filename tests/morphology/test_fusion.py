"""Fused lungs on drawn masks, and on the masks that people drew."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.morphology.fusion import find_fusion
from monai_lungxfer.morphology.lungs import count_bridges
from monai_lungxfer.utils.errors import LungXferError

BETWEEN = slice(60, 100)  # the columns between the two lungs


@pytest.fixture
def truth() -> np.ndarray:
    mask = np.zeros((120, 160), np.uint8)
    mask[20:100, 20:60] = mask[20:100, 100:140] = 1
    return mask


@pytest.mark.parametrize(("height", "bridges"), [(1, 1), (8, 1), (60, 0), (80, 0)])
def test_lungs_joined_by_a_band_are_fused_however_broad_it_is(truth, height, bridges):
    joined = truth.copy()
    joined[20 : 20 + height, BETWEEN] = 1
    assert count_bridges(joined) == bridges
    assert find_fusion(joined, truth) is True


def test_lungs_that_touch_at_a_corner_are_one_piece(truth):
    joined = truth.copy()
    joined[20:60, BETWEEN] = 1
    joined[60:100, :100] = 0
    joined[20:60, 100:140] = 0
    assert find_fusion(joined, truth) is False  # half of each lung is not more than half
    joined[60, :100], joined[59, 100:140] = truth[60, :100], 1
    assert find_fusion(joined, truth) is True


def test_a_mask_that_is_lung_everywhere_is_fused_and_an_empty_one_is_not(truth):
    assert find_fusion(np.ones_like(truth), truth) is True
    assert find_fusion(np.zeros_like(truth), truth) is False


def test_right_masks_and_those_that_miss_a_lung_are_not_fused(truth):
    assert find_fusion(truth, truth) is False
    one = truth.copy()
    one[:, :80] = 0
    assert find_fusion(one, truth) is False
    one[40:60, 20:100] = 1  # it reaches over, and covers a quarter of the other lung
    assert find_fusion(one, truth) is False


def test_islands_and_noise_of_the_prediction_change_nothing(truth):
    spotted = truth.copy()
    spotted[2:10, 70:90] = spotted[110:118, 2:10] = 1
    assert find_fusion(spotted, truth) is False


def test_there_must_be_two_lungs_to_be_fused(truth):
    one, dot, joined = truth.copy(), truth.copy(), truth.copy()
    one[:, :80] = 0
    dot[:, :80] = 0
    dot[50:54, 30:34] = 1  # too small for a lung
    joined[50:60, BETWEEN] = 1
    for undefined in (one, dot, joined, np.zeros_like(truth)):
        assert find_fusion(np.ones_like(truth), undefined) is None


def test_a_speck_of_the_truth_is_no_lung(truth):
    truth[2:6, 2:6] = 1
    assert find_fusion(truth, truth) is False


def test_probabilities_are_refused(truth):
    with pytest.raises(LungXferError, match="threshold probabilities"):
        find_fusion(truth * 0.5, truth)


def test_masks_that_people_drew_are_not_fused(shared_data):
    root = shared_data / "portable"
    records = json.loads((root / "datalist.json").read_text())[::8]
    masks = [np.asarray(Image.open(root / record["label"])) > 0 for record in records]
    assert {find_fusion(mask, mask) for mask in masks} == {False}
    assert {find_fusion(np.ones_like(mask), mask) for mask in masks} == {True}
