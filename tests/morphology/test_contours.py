"""Contours enclose exactly the pixels of the mask, and hold no vertex too many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from monai_lungxfer.morphology.contours import trace_contours, trace_outlines


def enclosed(lines: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Return how often each pixel is run round, clockwise counting as 1."""
    found = np.zeros(shape, int)
    for line in lines:
        for (x, y), (x_after, y_after) in pairwise(line):
            if x == x_after:
                found[min(y, y_after) : max(y, y_after), x:] += 1 if y_after < y else -1
    return found


@pytest.mark.parametrize("seed", range(20))
def test_exactly_the_mask_is_enclosed(seed: int) -> None:
    mask = (np.random.default_rng(seed).random((9, 14)) > 0.5).astype(np.uint8)
    lines = trace_contours(mask)
    assert np.array_equal(enclosed(lines, mask.shape), mask)
    for line in lines:
        steps = np.diff(line, axis=0)
        is_across = steps[:, 0] != 0
        assert np.array_equal(line[0], line[-1])
        assert np.array_equal(is_across, steps[:, 1] == 0)  # along the edges of pixels
        assert np.all(is_across[1:] != is_across[:-1])  # each vertex is a corner
        assert is_across[0] != is_across[-1]


def test_a_piece_with_a_hole() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:5, 2:7] = 1
    mask[2, 3] = 0
    outer, hole = trace_contours(mask)
    assert outer.tolist() == [[2, 1], [7, 1], [7, 5], [2, 5], [2, 1]]
    assert sorted(hole[:-1].tolist()) == [[3, 2], [3, 3], [4, 2], [4, 3]]
    assert outer.dtype == np.int32


def test_pixels_that_touch_by_a_corner_are_apart() -> None:
    assert [len(line) for line in trace_contours(np.eye(3, dtype=bool))] == [5, 5, 5]


def test_to_the_border_and_nothing() -> None:
    assert trace_contours(np.ones((2, 3), np.uint8))[0].tolist() == [[0, 0], [3, 0], [3, 2], [0, 2], [0, 0]]
    assert trace_contours(np.zeros((2, 3), np.uint8)) == []


def filled(loops: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Fill polygons by the even-odd rule: whether the middle of each pixel has an odd number of edges to its right."""
    y, x = np.indices(shape) + 0.5
    inside = np.zeros(shape, bool)
    for loop in loops:
        for (x1, y1), (x2, y2) in zip(loop, np.roll(loop, -1, axis=0), strict=True):
            if y1 != y2:
                crosses = (y1 > y) != (y2 > y)
                inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def test_one_pixel_has_four_corners() -> None:
    (loop,) = trace_outlines(np.array([[0, 0, 0], [0, 0, 5]]))
    assert sorted(map(tuple, loop.tolist())) == [(2, 1), (2, 2), (3, 1), (3, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_without_tolerance_the_outline_is_the_mask(seed: int) -> None:
    mask = np.random.default_rng(seed).random((13, 9)) > 0.5  # pieces, holes, and corners that touch
    assert np.array_equal(filled(trace_outlines(mask, 0), mask.shape), mask)


@pytest.mark.parametrize("mask", [np.zeros((4, 5)), np.ones((4, 5))])
def test_nothing_and_everything(mask: np.ndarray) -> None:
    loops = trace_outlines(mask)
    assert [loop.tolist() for loop in loops] == ([[[0, 0], [5, 0], [5, 4], [0, 4]]] if mask.any() else [])


def test_a_round_shape_needs_few_points_and_stays_near() -> None:
    picture = Image.new("1", (200, 160))
    ImageDraw.Draw(picture).ellipse((30, 20, 150, 140), fill=1)
    ImageDraw.Draw(picture).ellipse((80, 70, 100, 90), fill=0)
    mask = np.asarray(picture)
    outer, hole = sorted(trace_outlines(mask, 1.0), key=len, reverse=True)
    assert len(outer) < 60
    assert hole[:, 0].min() == 80
    wrong = filled([outer, hole], mask.shape) != mask
    assert wrong.mean() < 0.005
