"""The parts of the simulated portable device, each by what it does to known images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.data.degrade import (
    collimation,
    electrodes,
    low_contrast,
    portable_degraded,
    quantum_noise,
    rotated_pair,
    scatter_veil,
    text_marker,
    tubes,
)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _flat(value: float, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def _step() -> np.ndarray:
    image = _flat(0.2)
    image[:, 60:] = 0.8
    return image


def test_scatter_veils_the_dense_part_most():
    veiled = scatter_veil(_step(), 0.6)
    dense, thin = 0.8 - veiled[45, 61:75].mean(), veiled[45, 46:59].mean() - 0.2
    assert dense > 0.12
    assert 0 < thin < 0.5 * dense
    np.testing.assert_allclose(scatter_veil(_step(), 0.0), _step(), atol=1e-6)
    np.testing.assert_allclose(scatter_veil(_flat(0.5), 0.6), 0.5, atol=1e-5)


def test_low_contrast_draws_towards_the_level():
    np.testing.assert_allclose(low_contrast(_step(), 0.5, 0.4)[0, [0, 119]], [0.3, 0.6], atol=1e-6)


def test_quantum_noise_has_the_deviation_of_poissons_law():
    photons, absorption = 1000.0, 3.0
    for value in (0.2, 0.6):
        noisy = quantum_noise(_flat(value, (200, 300)), photons, _rng())
        # The logarithm of N counts has a deviation of 1 / sqrt(N).
        assert noisy.std() == pytest.approx(np.exp(absorption * value / 2) / photons**0.5 / absorption, rel=0.03)
        assert noisy.mean() == pytest.approx(value, abs=0.003)


@pytest.mark.parametrize("seed", range(8))
def test_collimation_covers_borders_only(seed):
    covered = collimation(_flat(0.5), _rng(seed), reach=0.1)
    np.testing.assert_allclose(covered[14:-14, 17:-17], 0.5, atol=1e-3)
    assert np.abs(covered - 0.5).max() > 0.3


def test_collimation_reaches_every_border():
    touched = np.zeros(4, bool)
    for seed in range(20):
        changed = np.abs(collimation(_flat(0.5), _rng(seed)) - 0.5) > 0.2
        touched |= [changed[0].mean() > 0.5, changed[-1].mean() > 0.5, changed[:, 0].mean() > 0.5,
                    changed[:, -1].mean() > 0.5]  # fmt: skip
    assert touched.all()


def test_text_marker_stands_at_its_place():
    image = _flat(0.3)
    changed = np.argwhere(text_marker(image, "AP", (0.5, 0.1), height=0.2) > 0.5)
    assert 45 <= changed[:, 0].min() < changed[:, 0].max() < 45 + 18
    assert 12 <= changed[:, 1].min() < changed[:, 1].max() < 50
    np.testing.assert_array_equal(image, _flat(0.3))


def test_text_marker_is_moved_to_where_it_fits():
    long = text_marker(_flat(0.3), "AP PORTABLE", (0.99, 0.99), height=0.1) > 0.5
    free = text_marker(_flat(0.3), "AP PORTABLE", (0.2, 0.1), height=0.1) > 0.5
    assert long.sum() == free.sum() > 20
    assert np.argwhere(long).min(axis=0)[0] > 75


@pytest.mark.parametrize("draw", [tubes, electrodes])
def test_foreign_objects_are_thin_and_only_add(draw):
    difference = draw(_flat(0.4), _rng(1), 3) - 0.4
    assert difference.min() > -1e-6
    assert 0.08 < difference.max() < 0.3
    assert 0.005 < (difference > 0.05).mean() < 0.15
    np.testing.assert_allclose(draw(_flat(0.4), _rng(1), 0), 0.4)


def test_tubes_come_from_above():
    assert all((tubes(_flat(0.4), _rng(seed), 1)[0] > 0.43).any() for seed in range(5))


def test_rotation_turns_image_and_mask_alike():
    image = _flat(0.0)
    image[20:40, 80:110] = 1
    turned, inside = rotated_pair(image, image > 0.5, 10)
    np.testing.assert_array_equal(turned > 0.5, inside)
    row, column = ndimage.center_of_mass(inside)
    angle = np.deg2rad(10)
    offset = np.array([29.5 - 44.5, 94.5 - 59.5])  # of the patch from the centre: rows down, columns right
    expected = [
        44.5 + offset[0] * np.cos(angle) - offset[1] * np.sin(angle),
        59.5 + offset[1] * np.cos(angle) + offset[0] * np.sin(angle),
    ]
    np.testing.assert_allclose([row, column], expected, atol=0.5)
    assert inside.dtype == bool


def test_the_whole_keeps_range_shape_and_seed():
    image = _step()
    first, again, other = (portable_degraded(image, _rng(seed)) for seed in (3, 3, 4))
    assert (first.shape, first.dtype) == (image.shape, np.float32)
    assert first.min() >= 0
    assert first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01
    np.testing.assert_array_equal(image, _step())
