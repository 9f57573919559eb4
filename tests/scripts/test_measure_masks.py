"""The summary that the measuring of masks prints."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from measure_masks import worst_tenth


def test_the_worst_tenth_of_twenty_are_two() -> None:
    percentile, mean = worst_tenth(np.array([0.9, 0.5, 0.7, *[1.0] * 17]))
    assert mean == pytest.approx(0.6)
    assert percentile == pytest.approx(0.88)  # between 0.7 and 0.9


def test_of_a_few_images_it_is_the_worst() -> None:
    assert worst_tenth(np.array([0.8, 0.6]))[1] == pytest.approx(0.6)
