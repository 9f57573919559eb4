"""Overlay pictures: where the line is, what it covers, and that the radiograph below is unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.inference.overlay import (
    MAX_SIDE,
    draw_comparison,
    draw_moments,
    draw_overlay,
    save_picture,
    thumbnail,
)

ORANGE, BLACK = (230, 159, 0), (0, 0, 0)


def test_thumbnail_keeps_the_aspect_and_the_orientation() -> None:
    pixels = np.zeros((600, 2400), np.float32)
    pixels[:150, :600] = 4095
    small = thumbnail(pixels)
    assert small.shape == (MAX_SIDE // 4, MAX_SIDE)
    assert small.dtype == np.uint8
    assert small[:60, :250].min() == 255
    assert small[70:].max() == 0
    assert small[:, 260:].max() == 0


def test_small_radiographs_are_not_enlarged() -> None:
    assert thumbnail(np.arange(12, dtype=np.float32).reshape(3, 4)).shape == (3, 4)


def test_outliers_do_not_darken_the_picture() -> None:
    pixels = np.tile(np.linspace(0, 100, 200, dtype=np.float32), (100, 1))
    pixels[0, :5] = 1e6
    small = thumbnail(pixels)
    assert small[50, 100] == pytest.approx(127, abs=5)


def test_a_single_bright_pixel_is_still_a_picture() -> None:
    pixels = np.zeros((100, 300), np.float32)
    pixels[7, 9] = 1
    assert thumbnail(pixels)[7, 9] == 255


def test_colours_become_their_mean() -> None:
    pixels = np.zeros((3, 4, 6), np.float32)
    pixels[0, :, 3:] = 90
    assert np.array_equal(thumbnail(pixels), thumbnail(pixels.mean(axis=0)))


@pytest.fixture
def overlay() -> Image.Image:
    grey = np.full((40, 90), 100, np.uint8)
    mask = np.zeros((80, 180), np.uint8)
    mask[20:60, 20:80] = 1  # rows 10-29, columns 10-39 of the picture
    return draw_overlay(grey, mask)


def test_line_lies_inside_the_lung_and_its_edge_around(overlay: Image.Image) -> None:
    assert overlay.getpixel((10, 20)) == ORANGE
    assert overlay.getpixel((39, 20)) == ORANGE
    assert overlay.getpixel((20, 10)) == ORANGE
    assert overlay.getpixel((20, 29)) == ORANGE
    assert overlay.getpixel((9, 20)) == BLACK
    assert overlay.getpixel((20, 30)) == BLACK


def test_what_is_not_contour_stays_grey(overlay: Image.Image) -> None:
    array = np.asarray(overlay)[:40]
    untouched = (array == 100).all(axis=2)
    assert untouched[11:29, 11:39].all()
    assert untouched.sum() == 40 * 90 - 22 * 32 + 18 * 28 + 4  # all but line and edge; the edge has no corners


def test_notice_stands_below_the_radiograph(overlay: Image.Image) -> None:
    assert overlay.size == (90, 56)
    assert np.asarray(overlay)[40:].max() > 150


def test_lung_at_the_border_is_closed() -> None:
    picture = draw_overlay(np.full((20, 30), 50, np.uint8), np.ones((20, 30), np.uint8))
    assert picture.getpixel((0, 10)) == ORANGE
    assert picture.getpixel((29, 10)) == ORANGE
    assert picture.getpixel((15, 10)) == (50, 50, 50)


def test_saved_picture(tmp_path) -> None:
    path = tmp_path / "a" / "x_overlay.png"
    save_picture(path, draw_overlay(np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)))
    with Image.open(path) as picture:
        assert (picture.mode, picture.size, picture.format) == ("RGB", (30, 36), "PNG")


def test_comparison_shows_before_in_red_and_after_in_blue() -> None:
    before, after = np.zeros((60, 90), np.uint8), np.zeros((60, 90), np.uint8)
    before[10:30, 10:30] = 1
    after[10:30, 50:80] = 1
    colours = np.asarray(draw_comparison(np.full((60, 90), 100, np.uint8), before, after))[:60]
    red, blue = (colours == (213, 94, 0)).all(axis=2), (colours == (0, 114, 178)).all(axis=2)
    assert (red.sum(), blue.sum()) == (4 * 20 - 4, 2 * (20 + 30) - 4)
    assert red[[10, 29], [10, 29]].all()
    assert blue[[10, 29], [50, 79]].all()
    assert (colours[20, 20] == 100).all()
    thick = np.asarray(draw_comparison(np.full((60, 90), 100, np.uint8), before, after, small=True))[:60]
    assert (thick == (213, 94, 0)).all(axis=2).sum() == 20 * 20 - 16 * 16


def test_moments_are_drawn_apart_each_in_its_colour() -> None:
    mask = np.zeros((60, 90), np.uint8)
    mask[10:30, 10:30] = 1
    pictures = draw_moments(np.full((60, 90), 100, np.uint8), mask, mask[:, ::-1])
    for picture, colour, column in zip(pictures, ((213, 94, 0), (0, 114, 178)), (10, 60), strict=True):
        assert picture.size == (90, 76)
        coloured = (np.asarray(picture)[:60] == colour).all(axis=2)
        assert coloured.sum() == 20 * 20 - 16 * 16
        assert coloured[10:12, column : column + 20].all()
        assert (np.asarray(picture)[:60][~coloured] == 100).all()
