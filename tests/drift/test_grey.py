"""Grey statistics of drawn pictures with known values."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.drift.grey import measure_grey


def ramp(height: int = 300, width: int = 400) -> np.ndarray:
    return np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))


def test_a_ramp_has_the_values_of_a_uniform_distribution() -> None:
    found = measure_grey(ramp())
    assert found is not None
    assert found.grey_mean == pytest.approx(0.5, abs=1e-3)
    assert found.grey_spread == pytest.approx(1 / np.sqrt(12), abs=2e-3)
    assert found.grey_entropy == pytest.approx(8, abs=0.1)
    assert found.dark == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_the_noise_that_was_added_is_measured(sigma: float) -> None:
    noisy = 0.25 + 0.5 * ramp() + sigma * np.random.default_rng(0).standard_normal((300, 400))
    noisy[0, :2] = 0, 1  # which keeps the grey scale
    found = measure_grey(noisy)
    assert found is not None
    assert found.noise == pytest.approx(sigma, rel=0.05)


def test_any_grey_scale_gives_the_same() -> None:
    first, second = measure_grey(ramp()), measure_grey(np.stack([4000 * ramp() - 100] * 3))
    assert first is not None
    assert second is not None
    assert list(vars(first).values()) == pytest.approx(list(vars(second).values()), abs=1e-4)


def test_a_constant_picture_has_none() -> None:
    assert measure_grey(np.full((40, 40), 7.0)) is None
