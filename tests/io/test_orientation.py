"""Pictures are turned upright, and masks back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from monai_lungxfer.io.orientation import Turn, turn_by_directions, turn_by_patient_orientation

PICTURE = np.arange(12).reshape(3, 4)
STORED = {  # by the directions of rows and columns
    ("L", "F"): PICTURE,
    ("R", "F"): PICTURE[:, ::-1],
    ("L", "H"): PICTURE[::-1],
    ("R", "H"): np.rot90(PICTURE, 2),
    ("F", "L"): PICTURE.T,
    ("F", "R"): np.rot90(PICTURE, 1),
    ("H", "L"): np.rot90(PICTURE, -1),
    ("H", "R"): np.rot90(PICTURE, 2).T,
}


@pytest.mark.parametrize("directions", STORED)
def test_each_patient_orientation(directions: tuple[str, str]) -> None:
    turn = turn_by_patient_orientation(directions)
    assert turn is not None
    np.testing.assert_array_equal(turn.apply(STORED[directions]), PICTURE)
    np.testing.assert_array_equal(turn.undo(PICTURE), STORED[directions])


@pytest.mark.parametrize("flags", itertools.product([False, True], repeat=3))
def test_undo_is_the_inverse(flags: tuple[bool, bool, bool]) -> None:
    turn = Turn(*flags)
    assert bool(turn) == any(flags)
    channels = np.stack([PICTURE, PICTURE + 20])
    np.testing.assert_array_equal(turn.undo(turn.apply(channels)), channels)


@pytest.mark.parametrize("directions", [(), ("L",), ("A", "F"), ("L", "P"), ("L", "R"), ("", "")])
def test_other_views_ask_for_no_turn(directions: tuple[str, ...]) -> None:
    assert turn_by_patient_orientation(directions) is None


def test_letters_after_the_first_do_not_count() -> None:
    assert turn_by_patient_orientation(("LF", "HP")) == Turn(flip_rows=True)


@pytest.mark.parametrize("directions", STORED)
def test_directions_are_those_of_the_letters(directions: tuple[str, str]) -> None:
    vectors = {"L": (0.2, 0.1, 0.1), "R": (-0.2, 0, 0), "F": (0.1, 0, -0.3), "H": (0, 0.1, 1)}
    assert turn_by_directions(*(vectors[letter] for letter in directions)) == turn_by_patient_orientation(directions)


@pytest.mark.parametrize("first", [(0, 0, 0), (1, 0), (), (0, 1, 0), (0, 0, 1)])
def test_directions_of_other_views_ask_for_no_turn(first: tuple[float, ...]) -> None:
    assert turn_by_directions(first, (0, 0, 1)) is None
