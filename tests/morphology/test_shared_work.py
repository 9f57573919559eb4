"""Cleaning and measuring share their work, and give what they gave when each looked at every pixel itself."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.inference.measurements import measure
from monai_lungxfer.morphology import cleaning, lungs
from monai_lungxfer.morphology.cleaning import clean_lungs, clean_lungs_once
from monai_lungxfer.morphology.lungs import MIN_ISLAND_FRACTION, TOUCHING, find_lung_cores, find_lungs

SPOILERS = ("nothing", "islands", "band", "hole", "noise", "waist", "all")
SHAPES = ((200, 260), (1300, 1111))


def spoiled(kind: str, seed: int, shape: tuple[int, int]) -> np.ndarray:
    """The lungs of a phantom with what a network may draw wrongly."""
    rng = np.random.default_rng(seed)
    mask = draw_lungs(seed, shape)
    height, width = shape
    if kind in ("islands", "all"):
        for row, column in zip(rng.integers(0, height, 4), rng.integers(0, width, 4), strict=True):
            side = rng.integers(1, height // 12)
            mask[row : row + side, column : column + side] = True
    if kind in ("band", "all"):
        row = rng.integers(height * 4 // 10, height * 6 // 10)
        columns = np.flatnonzero(mask[row])
        mask[row : row + height // rng.integers(15, 60), columns[0] : columns[-1]] = True
    if kind in ("hole", "all"):
        for row, column in rng.permutation(np.argwhere(mask))[:3]:
            mask[row : row + height // 30, column : column + width // 30] = False
    if kind == "noise":
        mask ^= rng.random(shape) < 1e-3
    if kind == "waist":
        row = height // 2
        mask[row : row + height // 40, : width // 2 - width // 5] = False
    return mask


def draw_lungs(seed: int, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]] / np.reshape(shape, (2, 1, 1))
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    for centre in (0.3, 0.7):
        row, column, tall, broad = rng.normal((0.5, centre, 0.33, 0.14), 0.015)
        edge = 1 + 0.1 * np.sin(7 * rows + rng.uniform(0, 6))
        mask |= ((rows - row) / tall) ** 2 + ((columns - column) / broad) ** 2 <= edge
    return mask


CASES = [(kind, seed, SHAPES[0]) for kind in SPOILERS for seed in range(3)] + [
    ("nothing", 0, SHAPES[1]),
    ("all", 1, SHAPES[1]),
]


def tidy_by_maps(mask: np.ndarray) -> np.ndarray:
    """Drop and fill as before there were runs: on maps of labels of the whole image."""
    pieces, number = ndimage.label(mask, TOUCHING)
    kept = np.isin(pieces, find_lungs(np.bincount(pieces.ravel())[1:]))
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    gaps, number = ndimage.label(~kept[inside])
    edge = np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]])
    areas = np.bincount(gaps.ravel())
    enclosed = np.setdiff1d(np.arange(1, number + 1), edge)
    is_pair = ndimage.label(kept, TOUCHING)[1] > 1
    largest = cleaning.MAX_HOLE * (kept.sum() + areas[enclosed].sum()) if is_pair else MIN_ISLAND_FRACTION * mask.size
    kept[inside] |= np.isin(gaps, enclosed[areas[enclosed] <= largest])
    return kept


@pytest.mark.parametrize(("kind", "seed", "shape"), CASES)
def test_false_parts_are_those_of_maps(kind: str, seed: int, shape: tuple[int, int]):
    mask = spoiled(kind, seed, shape)
    tidied, pieces = cleaning._without_false_parts(mask)
    assert np.array_equal(tidied, tidy_by_maps(mask))
    assert np.array_equal(pieces.draw(), tidied)


@pytest.mark.parametrize(("kind", "seed", "shape"), CASES)
def test_cores_are_found_without_looking_at_every_erosion(
    kind: str, seed: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    pieces, _ = ndimage.label(spoiled(kind, seed, shape), TOUCHING)
    piece = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    found = find_lung_cores(piece)
    monkeypatch.setattr(lungs, "_stays_whole", lambda *_: False)
    expected = find_lung_cores(piece)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert np.array_equal(found[0], expected[0])
        assert found[1] == expected[1]


@pytest.mark.parametrize(("kind", "seed", "shape"), CASES)
def test_measuring_after_cleaning_gives_what_measuring_alone_gives(kind: str, seed: int, shape: tuple[int, int]):
    raw = spoiled(kind, seed, shape).astype(np.uint8)
    probability = np.random.default_rng(seed).random(shape, np.float32)
    mask, shared = clean_lungs_once(raw)
    assert np.array_equal(mask, clean_lungs(raw))
    assert shared.is_unchanged == np.array_equal(mask, raw)
    alone = measure(mask.astype(np.uint8), probability, (0.2, 0.1), raw)
    assert asdict(measure(mask, probability, (0.2, 0.1), raw, shape=shared)) == asdict(alone)


def test_the_largest_piece_is_eroded_once(monkeypatch: pytest.MonkeyPatch):
    calls = []
    monkeypatch.setattr(lungs, "find_lung_cores", lambda piece: calls.append(piece.shape))
    raw = spoiled("nothing", 0, (1300, 1111))
    mask, shared = clean_lungs_once(raw)
    measure(mask, raw.astype(np.float32), raw=raw, shape=shared)
    assert len(calls) == 1


def test_a_clean_mask_is_not_the_array_that_was_given():
    raw = draw_lungs(0, (200, 260))
    assert not np.shares_memory(clean_lungs(raw), raw)
