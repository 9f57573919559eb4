"""The parts of the simulated portable device, each by what it does to known images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.synthetic.portable_device import (
    collimation,
    grid_lines,
    low_contrast,
    motion_blur,
    portable_degraded,
    quantum_noise,
    rotated_pair,
    scatter_veil,
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


def test_motion_smears_along_its_direction_only():
    across, along = motion_blur(_step(), 0.1, 0), motion_blur(_step(), 0.1, 90)
    np.testing.assert_allclose(along, _step(), atol=1e-5)
    assert np.count_nonzero(np.abs(across[45] - _step()[45]) > 0.02) == pytest.approx(0.1 * 120, abs=2)
    np.testing.assert_allclose(across.mean(), _step().mean(), atol=1e-4)
    np.testing.assert_array_equal(motion_blur(_step(), 0.004, 0), _step())


def test_grid_lines_have_their_period_and_depth():
    lines = grid_lines(_flat(0.5), period=6, depth=0.03)
    assert np.abs(np.fft.rfft(lines[10] - 0.5)).argmax() == 120 / 6
    assert lines.max() - 0.5 == pytest.approx(0.03, abs=0.005)
    assert np.ptp(lines, axis=0).max() < 1e-6  # vertical lines
    assert np.ptp(grid_lines(_flat(0.5), 6, 0.03, degrees=90), axis=1).max() < 1e-6


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
