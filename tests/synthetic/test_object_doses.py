"""Objects by dose: what they add, and where."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.synthetic.object_doses import OBJECTS, VISIBLE, draw_objects, find_footprint


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Return a slope of grey values of 12 bits with an offset, brighter to the right."""
    rows = np.linspace(-200, 2000, 96, dtype=np.float32)
    return np.broadcast_to(rows, (80, 96)).copy()


@pytest.mark.parametrize("name", OBJECTS)
def test_dose_0_changes_nothing(pixels, name):
    drawn = draw_objects(pixels, name, 0.0, 3)
    np.testing.assert_array_equal(drawn, pixels)
    assert drawn is not pixels
    assert not find_footprint(pixels, drawn).any()


@pytest.mark.parametrize("name", OBJECTS)
def test_the_footprint_is_where_pixels_differ(pixels, name):
    drawn = draw_objects(pixels, name, 1.0, 3)
    footprint = find_footprint(pixels, drawn)
    assert 0.002 < footprint.mean() < 0.4
    level = VISIBLE * np.ptp(pixels)
    assert (np.abs(drawn - pixels)[footprint] > level).all()
    assert (np.abs(drawn - pixels)[~footprint] <= level).all()
    assert drawn.dtype == np.float32
    assert pixels.min() <= drawn.min() <= drawn.max() <= pixels.max()


@pytest.mark.parametrize("name", ["pacemaker", "tubes", "electrodes"])
def test_the_dose_multiplies_what_is_added_and_moves_nothing(name):
    pixels = np.zeros((80, 96), np.float32)
    pixels[0, 0] = 1000  # the range, so that nothing is cut off
    one, two = (draw_objects(pixels, name, dose, 5) - pixels for dose in (0.5, 1.0))
    dark = pixels == 0
    np.testing.assert_allclose(two[dark], 2 * one[dark], atol=1e-3)
    np.testing.assert_array_equal(one[dark] > 0, two[dark] > 0)


def test_seeds_give_other_places_and_the_same_again(pixels):
    once, again, other = (draw_objects(pixels, "all", 1.0, [seed, 7]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_all_planes_get_the_same_objects(pixels):
    planes = np.stack([pixels, pixels, 0.5 * pixels])
    drawn = draw_objects(planes, "tubes", 1.0, 0)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert find_footprint(planes, drawn).shape == (80, 96)
    assert (drawn[2] != planes[2]).any()


def test_a_constant_image_stays(pixels):
    flat = np.full_like(pixels, 7)
    np.testing.assert_array_equal(draw_objects(flat, "all", 1.0, 0), flat)
