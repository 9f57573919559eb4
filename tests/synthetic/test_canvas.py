"""Drawing for phantoms: places, coverage, and noise of any size."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.synthetic.canvas import Canvas, curve, ellipse, smooth_noise


def test_pixels_of_a_shifted_and_turned_body():
    canvas = Canvas(40, 80, shift=(0.5, 0.0), degrees=90)
    np.testing.assert_allclose(canvas.pixels(np.array([[0.0, 0.0], [0.5, 0.0]])), [[60, 20], [60, 40]], atol=1e-9)
    assert canvas.unit == 20


@pytest.mark.parametrize("size", [(64, 64), (48, 96)])
def test_an_ellipse_covers_its_area(size):
    height, width = size
    coverage = Canvas(height, width).fill(ellipse((0, 0), (0.5, 0.5)))
    assert coverage.dtype == np.float32
    assert coverage.sum() == pytest.approx(np.pi / 16 * height * width, rel=0.05)
    assert (coverage[height // 2, width // 2], coverage[0, 0]) == (1, 0)


def test_strokes_have_their_width_and_value():
    plane = Canvas(60, 60).strokes([(np.array([[0.0, -1.0], [0.0, 1.0]]), 0.2, 0.5)])
    assert np.count_nonzero(plane[30]) == pytest.approx(6, abs=1)
    assert plane.max() == pytest.approx(0.5, abs=0.01)


def test_a_curve_passes_its_points():
    path = curve([(0, 0), (1, 1), (2, 0)], 5)
    assert path.shape == (5, 2)
    np.testing.assert_allclose(path[[0, 2, 4]], [(0, 0), (1, 1), (2, 0)], atol=1e-9)


def test_noise_is_smooth_repeatable_and_of_unit_variance():
    first, again = (smooth_noise(np.random.default_rng(4), 90, 120, 12) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (90, 120)
    assert first.std() == pytest.approx(1, abs=0.4)
    assert np.abs(np.diff(first, axis=1)).max() < 1
