"""What is wrong with a mask is told by a network's mask."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.checks.label_faults import GRID, LabelFault, judge_label, shrink


def ellipse(row: float, column: float, height: float, width: float) -> np.ndarray:
    """Return an ellipse, given its centre and half axes as shares of the grid."""
    y, x = (np.mgrid[:GRID, :GRID] + 0.5) / GRID
    return ((y - row) / height) ** 2 + ((x - column) / width) ** 2 <= 1


# Not symmetric: the right lung is larger, and the heart is a dent of the left one.
HEART = ellipse(0.62, 0.56, 0.2, 0.15)
LUNGS = ellipse(0.5, 0.3, 0.34, 0.14) | ellipse(0.47, 0.72, 0.3, 0.15)
MOVED = np.roll(LUNGS, (6, -5), (0, 1))
OTHER = ellipse(0.3, 0.2, 0.12, 0.16) | ellipse(0.75, 0.85, 0.1, 0.1)

CASES = {
    LabelFault.EMPTY: np.zeros_like(LUNGS),
    LabelFault.INVERTED: ~LUNGS,
    LabelFault.MIRRORED: LUNGS[:, ::-1],
    LabelFault.UPSIDE_DOWN: LUNGS[::-1],
    LabelFault.TURNED: np.rot90(LUNGS),
    LabelFault.SHIFTED: MOVED,
    LabelFault.HEART_CUT_OUT: LUNGS & ~ellipse(0.62, 0.56, 0.22, 0.26),
    LabelFault.HEART_FILLED_IN: LUNGS | HEART,
    LabelFault.DISAGREES: OTHER,
}


@pytest.mark.parametrize(("fault", "drawn"), CASES.items(), ids=list(CASES))
def test_each_fault_is_named(fault, drawn):
    judged = judge_label(drawn, LUNGS)
    assert judged is not None
    assert judged.fault == fault


def test_a_small_difference_is_no_fault():
    assert judge_label(LUNGS, LUNGS) is None
    assert judge_label(np.roll(LUNGS, 2, 1), LUNGS) is None


def test_without_lungs_to_compare_with_nothing_is_said():
    assert judge_label(OTHER, np.zeros_like(LUNGS)) is None


def test_a_shift_is_told_in_the_direction_that_mends_it():
    judged = judge_label(MOVED, LUNGS)
    assert "moved 5% up and 4% right" in judged.message
    assert judged.dice == pytest.approx(2 * (MOVED & LUNGS).sum() / (2 * LUNGS.sum()))
    assert judged.mended == pytest.approx(1)


def test_masks_of_any_size_come_to_the_grid():
    assert np.array_equal(shrink(np.kron(LUNGS, np.ones((3, 2), bool))), LUNGS)
