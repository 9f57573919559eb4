"""What a mask measures, on masks whose every number can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_lungs import certain, two_lungs

from monai_lungxfer.inference.measurements import measure


@pytest.fixture
def usual() -> np.ndarray:
    return two_lungs(np.s_[20:80, 20:60], np.s_[25:75, 80:120])  # 60 x 40 and 50 x 40


def test_areas_and_shares(usual: np.ndarray) -> None:
    measured = measure(usual, certain(usual), spacing=(0.5, 0.2))
    assert (measured.lung_px, measured.right_lung_px, measured.left_lung_px) == (4400, 2400, 2000)
    assert measured.lung_cm2 == pytest.approx(4400 * 0.5 * 0.2 / 100)
    assert measured.right_lung_cm2 == pytest.approx(2.4)
    assert measured.left_lung_cm2 == pytest.approx(2.0)
    assert measured.share == pytest.approx(4400 / 14000)
    assert measured.height_share == pytest.approx(0.6)
    assert measured.symmetry == pytest.approx(2000 / 2400)
    assert (measured.components, measured.bridges, measured.islands, measured.border) == (2, 0, 0, 0.0)
    assert measured.confidence == 1.0


def test_mirrored_image_swaps_the_lungs(usual: np.ndarray) -> None:
    mirrored = np.ascontiguousarray(usual[:, ::-1])
    measured = measure(mirrored, certain(mirrored))
    assert (measured.right_lung_px, measured.left_lung_px) == (2000, 2400)


def test_side_is_by_centre_of_mass_not_by_first_pixel() -> None:
    # The larger lung starts further left, yet its mass lies on the right.
    mask = two_lungs(np.s_[30:60, 20:60], np.s_[10:20, 10:120])
    mask[10:90, 80:120] = 1
    measured = measure(mask, certain(mask))
    assert measured.right_lung_px == 30 * 40
    assert measured.left_lung_px == 10 * 70 + 80 * 40


def test_no_square_centimetres_without_spacing(usual: np.ndarray) -> None:
    measured = measure(usual, certain(usual))
    assert (measured.lung_cm2, measured.right_lung_cm2, measured.left_lung_cm2) == (None, None, None)
