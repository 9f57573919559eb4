"""Masks that cannot be lungs are told by their shape, and real ones never are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.morphology.plausibility import find_implausibility, find_inversion


def lungs() -> np.ndarray:
    """Two ellipses, (120, 100)."""
    rows, columns = np.mgrid[:120, :100]
    sides = [((rows - 60) / 40) ** 2 + ((columns - centre) / 18) ** 2 < 1 for centre in (27, 73)]
    return (sides[0] | sides[1]).astype(np.uint8)


def test_lungs_may_be_lungs() -> None:
    assert find_implausibility(lungs()) is None
    assert find_inversion(lungs()[28:92, 12:88]) is None  # cut off at every border
    assert find_implausibility(np.zeros((9, 9), np.uint8)) is None


@pytest.mark.parametrize("frame", [0, 3, 30])
@pytest.mark.parametrize("cut", [0, 22])
def test_inverted_lungs(frame: int, cut: int) -> None:
    inverted = np.pad(1 - lungs()[: 120 - cut], frame)
    assert "looks inverted" in str(find_inversion(inverted))
    assert find_implausibility(inverted * 255) == find_inversion(inverted)


def test_a_mask_of_foreground_alone_looks_inverted() -> None:
    assert find_inversion(np.ones((8, 8), bool)) == "its mask looks inverted: 100% of the edge around it is foreground"


def test_a_lesion_may_fill_its_box_and_is_no_lung() -> None:
    lesion = np.zeros((100, 100), np.uint8)
    lesion[40:45, 40:50] = 1
    assert find_inversion(lesion) is None
    assert find_implausibility(lesion) == "its mask covers 0.5% of the image, and lungs cover 1% to 75%"


def test_boxes_are_not_inverted() -> None:
    boxes = np.zeros((60, 80), np.uint8)
    boxes[5:55, 20:60] = 1
    assert find_implausibility(boxes) is None  # one box around the chest
    boxes[:, 38:42] = 0
    assert find_implausibility(boxes) is None  # one around each lung
    boxes[:] = 1
    boxes[:, 36:44] = 0
    assert find_inversion(boxes) is None  # and up to the image's border


def test_many_pieces_are_no_lungs() -> None:
    speckled = np.zeros((100, 100), np.uint8)
    speckled[10:90:10, 10:90:10] = speckled[11:90:10, 10:90:10] = 1
    speckled[10:90:10, 11:90:10] = speckled[11:90:10, 11:90:10] = 1
    speckled[30:60, 30:60] = 1
    assert find_implausibility(speckled) == "its mask has 49 pieces, and lungs have two"


@pytest.mark.parametrize("domain", ["portable", "general"])
def test_real_masks(shared_data: Path, domain: str) -> None:
    """Every fourth mask, of those that the limits were read off too."""
    for record in load_datalist(shared_data / domain)[::4]:
        mask = read_mask(record["label"])
        assert find_implausibility(mask) is None, record["label"]
        assert find_inversion(1 - mask) is not None, record["label"]
        assert find_inversion(np.pad(1 - mask, mask.shape[0] // 8)) is not None, record["label"]
