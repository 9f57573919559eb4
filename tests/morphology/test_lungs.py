"""Bridges and islands on drawn masks, and on the masks that people drew."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.morphology.lungs import count_bridges, count_islands
from monai_lungxfer.utils.errors import LungXferError

HEIGHT, WIDTH = 220, 256


def ellipse(row: int, column: int, half_height: int, half_width: int) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return ((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 <= 1


@pytest.fixture
def left() -> np.ndarray:
    return ellipse(110, 70, 85, 40)


@pytest.fixture
def lungs(left) -> np.ndarray:
    return left | ellipse(115, 185, 75, 48)


def with_bar(mask: np.ndarray, top: int, height: int, slope: float = 0.0) -> np.ndarray:
    result = mask.copy()
    for column in range(70, 185):
        start = round(top + slope * (column - 70))
        result[start : start + height, column] = True
    return result


def with_dot(mask: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    result = mask.copy()
    result[row : row + side, column : column + side] = True
    return result


def test_two_lungs_have_neither(lungs):
    assert count_bridges(lungs) == 0
    assert count_islands(lungs) == 0


@pytest.mark.parametrize("height", [1, 3, 8, 20])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_one_bar_is_one_bridge(lungs, height, slope):
    joined = with_bar(lungs, 100, height, slope)
    assert count_bridges(joined) == 1
    assert count_islands(joined) == 0


def test_each_bar_is_a_bridge(lungs):
    two = with_bar(with_bar(lungs, 70, 4), 140, 15)
    assert count_bridges(two) == 2
    assert count_bridges(with_bar(two, 105, 6)) == 3


def test_a_hole_inside_a_bridged_lung_is_no_bridge(lungs):
    joined = with_bar(lungs, 100, 6)
    joined[60:80, 60:75] = False
    assert count_bridges(joined) == 1


def test_a_pinhole_in_a_bar_does_not_make_two_bridges(lungs):
    joined = with_bar(lungs, 100, 6)
    joined[102:104, 123:125] = False
    assert count_bridges(joined) == 1


def test_a_bar_that_does_not_reach_is_no_bridge(lungs):
    joined = with_bar(lungs, 100, 8)
    joined[:, 120:124] = False
    assert count_bridges(joined) == 0


def test_lungs_fused_over_their_width_are_one_piece(lungs):
    assert count_bridges(with_bar(lungs, 60, 100)) == 0


def test_dots_are_islands(lungs):
    assert count_islands(with_dot(with_dot(lungs, 3, 5, 6), 200, 120, 9)) == 2


def test_specks_are_noise(lungs):
    assert count_islands(with_dot(lungs, 3, 5, 3)) == 0  # 9 pixels of 56,320 are under 2e-4
    assert count_islands(with_dot(lungs, 3, 5, 4)) == 1


def test_one_lung_only(left):
    assert count_bridges(left) == 0
    assert count_islands(left) == 0
    assert count_islands(with_dot(left, 100, 200, 10)) == 1  # the dot does not pass for the other lung


def test_an_island_beside_bridged_lungs_counts(lungs):
    joined = with_dot(with_bar(lungs, 100, 6), 3, 5, 8)
    assert (count_bridges(joined), count_islands(joined)) == (1, 1)


def test_lungs_at_the_border_of_the_image(lungs):
    cropped = with_bar(lungs, 100, 6)[40:180, 45:215]
    assert count_bridges(cropped) == 1


def test_native_size_gives_the_same_counts(lungs):
    mask = with_dot(with_bar(with_bar(lungs, 70, 4), 140, 15), 3, 5, 4)
    native = np.kron(mask, np.ones((6, 5), dtype=bool))
    assert (count_bridges(native), count_islands(native)) == (2, 1)


@pytest.mark.parametrize(("value", "islands"), [(0, 0), (1, 0)])
def test_empty_and_full_masks(value, islands):
    mask = np.full((9, 13), value, dtype=np.uint8)
    assert count_bridges(mask) == 0
    assert count_islands(mask) == islands


@pytest.mark.parametrize("count", [count_bridges, count_islands])
@pytest.mark.parametrize("mask", [np.full((4, 6), 255), np.full((4, 6), 0.7), np.zeros((1, 4, 6))])
def test_refuses_what_is_no_mask(count, mask):
    with pytest.raises(LungXferError, match="values 0 and 1"):
        count(mask)


def test_is_fast_enough_to_run_per_image(lungs):
    joined = with_bar(with_bar(lungs, 70, 4), 140, 15)
    durations = []
    for _ in range(10):
        start = time.thread_time()
        count_bridges(joined)
        count_islands(joined)
        durations.append(time.thread_time() - start)
    assert min(durations) < 0.03  # about 0.005 on an idle core


def test_drawn_masks_are_clean(shared_data):
    records = json.loads((shared_data / "portable" / "datalist.json").read_text())
    for record in records:
        mask = np.asarray(Image.open(shared_data / "portable" / record["label"]).convert("L")) > 127
        assert count_bridges(mask) == 0, record["label"]
        assert count_islands(mask) == 0, record["label"]
