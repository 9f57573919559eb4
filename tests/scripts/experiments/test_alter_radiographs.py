"""What `scripts/experiments/alter_radiographs.py` does to a picture and its mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from alter_radiographs import WAYS, altered, patient_half
from drawn_lungs import two_lungs


@pytest.fixture
def mask() -> np.ndarray:
    drawn = two_lungs(np.s_[20:80, 20:60], np.s_[25:75, 80:120])
    drawn[10:20, 30:35] = 1  # unlike in every mirrored or turned form
    return drawn


@pytest.mark.parametrize("way", ["upside down", "on its side", "mirrored", "cropped", "padded"])
def test_the_mask_moves_with_the_picture(mask: np.ndarray, way: str, tmp_path: Path) -> None:
    radiograph, moved, _ = altered(way, mask.astype(float), mask, np.random.default_rng(3), tmp_path)
    assert np.array_equal(radiograph.pixels == 255, moved == 1)
    assert moved.shape != mask.shape or not np.array_equal(moved, mask)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_gives_a_picture_and_a_mask_of_its_size(mask: np.ndarray, way: str, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).random(mask.shape) * 0.4 + 0.5 * (1 - mask)
    radiograph, moved, _ = altered(way, picture, mask, np.random.default_rng(1), tmp_path)
    assert radiograph.pixels.shape == moved.shape
    assert set(np.unique(moved)) == {0, 1}
    again = altered(way, picture, mask, np.random.default_rng(1), tmp_path)[0]
    assert np.array_equal(again.pixels, radiograph.pixels)


def test_files_with_wrong_headers_have_a_remark(shared_data: Path, mask: np.ndarray, tmp_path: Path) -> None:
    from monai_lungxfer.io.radiograph import read_radiograph

    pixels = read_radiograph(min((shared_data / "portable" / "images").iterdir())).pixels.astype(float)
    picture = (pixels - pixels.min()) / np.ptp(pixels)
    for seed in range(4):
        radiograph, _, kind = altered("wrong bits", picture, mask, np.random.default_rng(seed), tmp_path)
        assert radiograph.remarks, kind
        assert np.corrcoef(radiograph.pixels.ravel(), picture.ravel())[0, 1] > 0.99, kind


def test_a_patient_is_in_one_half() -> None:
    assert {patient_half(f"patient-{number}") for number in range(20)} == {0, 1}
    assert patient_half("cohen-279") == patient_half("cohen-279")
