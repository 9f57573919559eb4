"""Soft masks keep probabilities, and say which pixels are ignored."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.data.soft_masks import encode_soft_mask
from monai_lungxfer.utils.errors import LungXferError


def test_probabilities_come_back_within_the_rounding() -> None:
    given = np.random.default_rng(0).random((20, 30))
    mask = encode_soft_mask(given)
    assert mask.max() <= 254
    assert np.abs(mask / 254 - given).max() <= 0.5 / 254 + 1e-12


def test_ignored_pixels_are_marked_and_must_have_the_same_size() -> None:
    ignored = np.array([[0, 255]], np.uint8)
    assert encode_soft_mask(np.array([[1.0, 1.0]]), ignored).tolist() == [[254, 255]]
    with pytest.raises(LungXferError, match="file of ignored pixels"):
        encode_soft_mask(np.ones((4, 4)), ignored)
