"""Run-length encodings; those that the tools' libraries wrote are in test_tools.py."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.data.public.annotations.runs import brush_region, coco_counts, fill_runs, place_crop


def pack(values: list[int], runs: list[tuple[bool, int]]) -> list[int]:
    """Write values as Label Studio packs them, by runs of (repeated, length), bit by bit as a text."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    place = 0
    for repeated, length in runs:
        written = values[place : place + (1 if repeated else length)]
        bits += f"{int(repeated)}10{length - 1:08b}" + "".join(f"{value:08b}" for value in written)
        place += length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[first : first + 8], 2) for first in range(0, len(bits), 8)]


VALUES = [0] * 12 + [0, 0, 0, 255] + [0, 0, 0, 90] + [0] * 4  # six pixels of four channels


def test_runs_begin_with_background():
    assert fill_runs([0, 2, 1], 3).tolist() == [True, True, False]


@pytest.mark.parametrize("counts", [[1, 1], [4], [-1, 4], [3, 2**40]])
def test_runs_of_another_length_are_refused(counts):
    with pytest.raises(ValueError, match="instead of 3"):
        fill_runs(counts, 3)


def test_coco_text_of_large_and_falling_counts():
    # By pycocotools: a mask (100, 100) with rows 10 to 59 of columns 20 to 22 set, and rows 5 to 69 of column 23.
    assert coco_counts("jn1b1b1000K?Q]7") == [2010, 50, 50, 50, 50, 50, 45, 65, 7630]


@pytest.mark.parametrize("text", ["05p", "0 5", "0é"])
def test_damaged_coco_text_is_refused(text):
    with pytest.raises(ValueError, match=r"runs|ascii"):
        coco_counts(text)


def test_a_crop_keeps_its_place():
    whole = place_crop(np.ones((1, 2), bool), 1, 2, 3, 4)
    assert np.argwhere(whole).tolist() == [[1, 2], [1, 3]]


@pytest.mark.parametrize(("top", "left"), [(-1, 0), (3, 0), (0, 3)])
def test_a_crop_outside_is_refused(top, left):
    with pytest.raises(ValueError, match="reaches"):
        place_crop(np.ones((1, 2), bool), top, left, 3, 4)


@pytest.mark.parametrize("runs", [[(True, 12), (False, 12)], [(False, 24)], [(True, 12), (False, 8), (True, 4)]])
def test_the_brush_is_where_its_opacity_is_above_half(runs):
    region = brush_region(pack(VALUES, runs), 2, 3)
    assert region.tolist() == [[False, False, False], [True, False, False]]


@pytest.mark.parametrize(
    ("packed", "size", "reason"),
    [
        (pack(VALUES, [(False, 24)])[:-3], (2, 3), "cut off"),
        (pack(VALUES, [(False, 24)]), (3, 3), "6 pixels instead of 9"),
        (pack(VALUES, [(True, 25)]), (2, 3), "too many"),
        ([1, 2, 300], (2, 3), "no list of bytes"),
    ],
)
def test_a_damaged_brush_is_refused(packed, size, reason):
    with pytest.raises(ValueError, match=reason):
        brush_region(packed, *size)
