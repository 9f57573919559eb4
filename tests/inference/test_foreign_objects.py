"""The look for objects, also on a picture that can be differentiated by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.inference.foreign_objects import SIDE, has_foreign_object, measure_details


@pytest.fixture
def lungs() -> np.ndarray:
    likelihood = np.zeros((SIDE, SIDE), np.float32)
    likelihood[40:150, 30:80] = likelihood[40:150, 110:160] = 0.9
    return likelihood


def test_details_of_a_quadratic_picture(lungs: np.ndarray) -> None:
    """A bowl whose curvatures are 2 and 1 everywhere: a dark spot of strength 1, and no line and no bright spot."""
    rows, columns = np.indices(lungs.shape, dtype=np.float32) - SIDE / 2
    picture = rows**2 + columns**2 / 2
    found = measure_details(picture, lungs)
    assert found is not None
    near = ndimage.binary_dilation(lungs > 0.5, np.ones((17, 17)))
    inside = [np.flatnonzero(near.any(axis=axis)) for axis in (1, 0)]
    frame = picture[inside[0][0] - 4 : inside[0][-1] + 5, inside[1][0] - 4 : inside[1][-1] + 5]
    grey = np.subtract(*np.percentile(frame, (95, 5)))
    assert found[1, :4] == pytest.approx(np.log(1 / grey), rel=1e-2)
    assert found[[0, 2], 0] == pytest.approx(np.log(1e-4))
    slopes = np.hypot(2 * rows, columns)[near] / grey
    assert found[3, [0, 1]] == pytest.approx(np.log(np.quantile(slopes, (0.5, 0.9))), rel=2e-2)


def test_grey_values_may_have_any_scale(lungs: np.ndarray) -> None:
    picture = np.random.default_rng(0).normal(size=lungs.shape).astype(np.float32)
    np.testing.assert_allclose(measure_details(picture, lungs), measure_details(7 * picture - 3, lungs), rtol=1e-4)


def test_without_lungs_nothing_is_near() -> None:
    assert measure_details(np.eye(SIDE, dtype=np.float32), np.zeros((SIDE, SIDE), np.float32)) is None


def test_a_written_box_is_an_object_and_soft_lungs_have_none(lungs: np.ndarray) -> None:
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=lungs.shape), 3)
    picture = (0.3 * texture / texture.std() - 2 * ndimage.gaussian_filter(lungs, 4)).astype(np.float32)
    assert not has_foreign_object(picture, lungs)
    picture[90:94, 40:60] = picture.max() + 0.5
    picture[92, 43:58] = picture.min()
    assert has_foreign_object(picture, lungs)
    assert has_foreign_object(*(np.kron(plane, np.ones((2, 2), np.float32)) for plane in (picture, lungs)))
    below = np.zeros_like(lungs)
    below[120:180, 30:160] = 0.9
    assert not has_foreign_object(picture, below)  # from which it lies far
