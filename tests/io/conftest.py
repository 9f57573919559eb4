"""Small files of a radiograph and a mask, neither square nor alike on both sides."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def grey() -> np.ndarray:
    """8 bits, 40 rows and 60 columns, with a bright upper left corner."""
    values = np.add.outer(2 * np.arange(40), np.arange(60)).astype(np.uint8)
    values[:10, :15] = 250
    return values


@pytest.fixture
def mask() -> np.ndarray:
    """One lung on the left that reaches further down than the one on the right."""
    values = np.zeros((48, 64), bool)
    values[8:40, 8:24], values[8:32, 40:56] = True, True
    return values


@pytest.fixture
def png(tmp_path: Path, grey: np.ndarray) -> Path:
    Image.fromarray(grey).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


@pytest.fixture
def nifti(tmp_path: Path, grey: np.ndarray) -> Path:
    image = nib.Nifti1Image(grey.T.astype(np.int16) * 10, np.diag([0.2, 0.3, 1, 1]))
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "grey.nii.gz")
    return tmp_path / "grey.nii.gz"


@pytest.fixture
def colour(tmp_path: Path, grey: np.ndarray) -> Path:
    Image.fromarray(np.stack([grey, grey // 2, grey // 5], axis=-1)).save(tmp_path / "colour.tif")
    return tmp_path / "colour.tif"
