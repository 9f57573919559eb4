"""Where masks and labels differ, by `scripts/experiments/measure_masks.py`."""

from __future__ import annotations

import numpy as np
import pytest
from measure_masks import best_dice, shares_near_border

LABEL = np.zeros((20, 20), bool)
LABEL[5:15, 5:15] = True


def test_pixels_that_differ_are_counted_by_their_distance_to_the_border() -> None:
    mask = LABEL.copy()
    mask[10, 15:20] = True  # 1 to 5 pixels beyond the border
    assert shares_near_border(mask, LABEL) == pytest.approx([2 / 5, 3 / 5])
    assert np.isnan(shares_near_border(LABEL, LABEL)).all()


def test_the_best_threshold_is_found() -> None:
    probability = np.where(LABEL, 0.3, 0.1)
    assert best_dice(probability, LABEL) == 1
    probability[0, 0] = 0.9  # which every threshold takes along
    assert best_dice(probability, LABEL) == pytest.approx(200 / 201)
