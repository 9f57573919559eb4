"""Means over draws, images and patients, on numbers that were made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trial_units import gather, unit


def test_images_count_alike_however_many_draws_are_defined() -> None:
    outcome = gather(unit("a", 0, 1, -0.1, None), unit("a", 1, 1, -0.2, -0.4), unit("a", 2, 2, None, None))
    row = outcome.drawn.set_index("metric").loc["DICE_HARD"]
    assert row.change == pytest.approx(np.mean([-0.1, -0.3]))
    assert (row.images, row.patients) == (2, 1)
    assert math.isnan(row.low)
    assert row.worst_tenth == pytest.approx(-0.3)


def test_intervals_are_over_patients() -> None:
    outcome = gather(*(unit("a", image, image // 2, -0.1 * (image // 2), -0.1 * (image // 2)) for image in range(6)))
    row = outcome.drawn.set_index("metric").loc["BIOU"]
    assert (row.images, row.patients) == (6, 3)
    assert row.change == pytest.approx(-0.1)
    assert (row.low, row.high) == pytest.approx((-0.2, 0.0))  # three patients may all be the same one


def test_worse_is_more_for_islands() -> None:
    outcome = gather(unit("a", 0, 1, 3.0, 1.0), unit("a", 1, 2, 0.0, 0.0))
    assert outcome.drawn.set_index("metric").loc["ISLANDS"].worst_tenth == pytest.approx(2.0)


def test_weights_are_compared_on_the_same_images() -> None:
    units = [unit("a", 0, 1, -0.3, -0.1), unit("a", 1, 2, -0.1, -0.1), unit("b", 0, 1, -0.1, -0.1)]
    (row,) = gather(*units).compared.to_dict("records")
    assert (row["weights"], row["first"], row["images"]) == ("b", "a", 1)
    assert row["mean"] == pytest.approx(0.1)
    assert gather(*units[:2]).compared.empty
