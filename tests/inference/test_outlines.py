"""Outlines as SVG paths."""

from __future__ import annotations

import re

import numpy as np
import pytest
from drawn_lungs import two_lungs

from monai_lungxfer.inference.outlines import draw_outline, grid_size


def points(path: str) -> list[list[tuple[int, int]]]:
    """Return the corners of each polygon of a path."""
    loops = []
    for loop in re.findall(r"M[^z]*z", path):
        first, steps = loop[1:-1].split("l")
        pairs = np.array(re.findall(r"-?\d+", f"{first} {steps}"), int).reshape(-1, 2)
        loops.append(list(map(tuple, pairs.cumsum(axis=0).tolist())))
    return loops


@pytest.mark.parametrize(
    ("size", "grid"), [((100, 140), (100, 140)), ((3000, 2000), (512, 341)), ((1, 5000), (1, 512))]
)
def test_the_grid_has_512_units_or_the_pixels(size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert grid_size(size) == grid


def test_two_boxes() -> None:
    mask = two_lungs((slice(10, 90), slice(20, 60)), (slice(10, 90), slice(80, 120)))
    first, second = points(draw_outline(mask))
    assert set(first) == {(20, 10), (60, 10), (60, 90), (20, 90)}
    assert set(second) == {(80, 10), (120, 10), (120, 90), (80, 90)}


def test_a_large_mask_is_reduced_to_the_grid() -> None:
    mask = np.zeros((2048, 1024), np.uint8)
    mask[400:800, 200:600] = 1
    assert {tuple(point) for point in points(draw_outline(mask))[0]} == {(50, 100), (150, 100), (150, 200), (50, 200)}


def test_an_empty_mask_has_no_outline() -> None:
    assert draw_outline(np.zeros((40, 50), np.uint8)) == ""
