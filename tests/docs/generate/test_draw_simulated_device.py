"""The sheet of the simulated device: every part is on it, and each shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from draw_simulated_device import device_transforms, drawn, sheet, strong_ends

from monai_lungxfer.synthetic.chest import chest_radiograph

TRANSFORMS = device_transforms()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_part_shows(name: str) -> None:
    image, lungs = chest_radiograph(np.random.default_rng(0), 120, 100, "normal")
    changed = np.abs(drawn(name, image, lungs, seed=0).astype(int) - image)
    assert np.count_nonzero(changed > 5) > 0.002 * image.size


def test_strong_ends() -> None:
    assert strong_ends("RandQuantumNoised") == {"photons": 250}
    assert strong_ends("RandLowContrastd") == pytest.approx({"factor": 0.65, "level": 0.575})


def test_the_sheet_has_a_place_for_each(tmp_path: Path) -> None:
    picture = sheet(seed=0, size=60)
    tiles = len(TRANSFORMS) + 1 + 2  # the phantom, and the whole thrice
    assert tiles == 15
    assert picture.size == (5 * (54 + 6) + 6, 3 * (60 + 6 + 28) + 6)
