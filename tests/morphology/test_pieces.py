"""Pieces by their runs are those that SciPy labels, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.morphology.lungs import TOUCHING
from monai_lungxfer.morphology.pieces import find_gaps, find_pieces


def smooth_noise(seed: int, shape: tuple[int, int] = (97, 131)) -> np.ndarray:
    """Pieces of all shapes, with holes, some of them at the border."""
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5) > 0.05


MASKS = {
    **{f"noise {seed}": smooth_noise(seed) for seed in range(4)},
    "white noise": np.random.default_rng(5).random((40, 60)) > 0.5,
    "board": np.indices((9, 12)).sum(axis=0) % 2 == 0,
    "empty": np.zeros((5, 7), bool),
    "full": np.ones((5, 7), bool),
    "pixel": np.ones((1, 1), bool),
    "row": np.array([[True, False, True, True]]),
    "column": np.array([[True], [True], [False], [True]]),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_pieces_are_those_of_scipy(mask: np.ndarray):
    pieces = find_pieces(mask)
    labels, number = ndimage.label(mask, TOUCHING)
    assert pieces.areas.tolist() == np.bincount(labels.ravel())[1:].tolist()
    assert np.array_equal(pieces.draw(), mask)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        one = pieces.select(label)
        assert one.box() == box
        assert np.array_equal(one.draw(box), labels[box] == label)
        assert pieces.centre_column(label) == pytest.approx(np.nonzero(labels == label)[1].mean())
    last = pieces.select(range(2, number + 1))
    assert np.array_equal(last.draw(), labels > 1)
    assert last.areas.tolist() == pieces.areas[1:].tolist()


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_gaps_share_edges_not_corners(mask: np.ndarray):
    pieces = find_pieces(mask)
    box = pieces.box()
    gaps = find_gaps(pieces, box)
    labels = np.zeros(mask.shape, int)
    labels[box] = ndimage.label(~mask[box])[0]
    assert gaps.areas.tolist() == np.bincount(labels.ravel())[1:].tolist()
    assert np.array_equal(gaps.draw(), labels > 0)


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_drawing_every_few_rows_and_columns(step: int):
    mask = smooth_noise(9)
    mask[:7] = mask[:, :11] = mask[-4:] = False
    pieces = find_pieces(mask)
    rows, columns = box = pieces.box(step)
    assert (rows.start % step, columns.start % step) == (0, 0)
    assert mask[box].sum() == mask.sum()
    assert np.array_equal(pieces.draw(box, step), mask[box][::step, ::step])
