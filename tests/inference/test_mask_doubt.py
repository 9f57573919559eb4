"""What speaks for and against a mask, on masks whose every number can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_lungs import certain, two_lungs
from scipy.spatial import ConvexHull

from monai_lungxfer.inference.mask_doubt import NAMES, hull_area, measure_doubt


@pytest.fixture
def mask() -> np.ndarray:
    return two_lungs(np.s_[20:80, 20:60], np.s_[25:75, 80:120])  # 60 x 40 and 50 x 40


def test_no_doubt(mask: np.ndarray) -> None:
    picture = np.where(mask, -1.0, 1.0).astype(np.float32)
    doubt = measure_doubt(picture, certain(mask), True)
    assert doubt.own_dice == pytest.approx(1, abs=2e-4)
    assert (doubt.softness, doubt.unsure_edge) == (0, 0)
    assert doubt.texture == pytest.approx(0, abs=1e-5)
    assert doubt.contrast_ring == pytest.approx(2 / picture.std(), rel=1e-3)
    assert doubt.contrast_between == pytest.approx(2 / picture.std(), rel=1e-3)
    assert doubt.solidity == pytest.approx(1)
    assert (doubt.smaller, doubt.shorter) == (pytest.approx(5 / 6), pytest.approx(5 / 6))
    assert (doubt.top, doubt.bottom, doubt.bottoms, doubt.pieces) == (0.2, 0.79, pytest.approx(0.05), 2)
    assert len(doubt.as_vector()) == len(NAMES)


def test_soft_edges_are_counted(mask: np.ndarray) -> None:
    soft = certain(mask)
    soft[50:80, 20:60] = 0.6
    doubt = measure_doubt(np.zeros(mask.shape, np.float32), soft, True)
    total = 3200 + 1200 * 0.6
    assert doubt.softness == pytest.approx(1200 * 0.24 / total, rel=1e-3)
    assert doubt.softest_side > doubt.softness
    assert doubt.softest_lower > doubt.softness
    assert doubt.own_dice == pytest.approx(2 * total / (total + 4400), rel=1e-3)
    assert doubt.unsure_edge == pytest.approx(1200 / np.sqrt(4400), rel=1e-3)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_masks_of_few_pixels_have_numbers(kept: int) -> None:
    probability = np.zeros((64, 96), np.float32)
    probability[30, 40 : 40 + kept] = 1
    vector = measure_doubt(np.zeros((64, 96), np.float32), probability, True).as_vector()
    assert np.isfinite(vector).all()


@pytest.mark.parametrize(("is_upright", "number"), [(True, 1), (False, -1), (None, 0)])
def test_what_the_content_check_saw(mask: np.ndarray, is_upright: bool | None, number: float) -> None:
    assert measure_doubt(certain(mask), certain(mask), is_upright).upright == number


@pytest.mark.parametrize("share", [0.002, 0.02, 0.5, 1])
def test_solidity_is_that_of_scipys_hull(share: float) -> None:
    rows, columns = np.mgrid[:96, :80]
    ellipse = ((rows - 40) / 37) ** 2 + ((columns - 30) / 25) ** 2 < 1
    part = ellipse & (np.random.default_rng(3).random(ellipse.shape) < share)
    assert part.any()
    corners = np.concatenate([np.argwhere(part) + shift for shift in ((0, 0), (0, 1), (1, 0), (1, 1))])
    assert hull_area(part) == pytest.approx(ConvexHull(corners).volume)
