"""Drawn opacities: in the lungs only, towards the grey of the tissue around them."""

from __future__ import annotations

import numpy as np

from monai_lungxfer.synthetic.opacities import opacity


def _chest() -> tuple[np.ndarray, np.ndarray]:
    lungs = np.zeros((96, 120), np.uint8)
    lungs[20:80, 15:50] = lungs[20:80, 70:105] = 1
    return np.where(lungs, 30.0, 200.0).astype(np.float32), lungs


def test_opacities_whiten_parts_of_the_lungs_and_nothing_else():
    image, lungs = _chest()
    touched = []
    for seed in range(20):
        changed = opacity(image, lungs, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        np.testing.assert_allclose(changed[lungs == 0], 200)
        assert changed.min() >= 30
        assert changed.max() <= 200
        touched.append((changed[lungs == 1] > 60).mean())
    assert 0.05 < np.mean(touched) < 0.7
    assert max(touched) > 0.3


def test_a_dark_opacity_does_not_exist():
    image, lungs = _chest()
    bright_lungs = 255 - image
    np.testing.assert_allclose(opacity(bright_lungs, lungs, np.random.default_rng(0)), bright_lungs)


def test_without_lungs_nothing_changes():
    image, lungs = _chest()
    np.testing.assert_array_equal(opacity(image, 0 * lungs, np.random.default_rng(0)), image)
    np.testing.assert_array_equal(opacity(image, 0 * lungs + 1, np.random.default_rng(0)), image)
