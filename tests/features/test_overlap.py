from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.features.concepts import CONCEPTS
from monai_lungxfer.features.overlap import (
    chance_overlap,
    measure_overlap,
    measure_responses,
    measure_shares,
    overlap_units,
)


def test_a_unit_that_is_the_concept_overlaps_wholly() -> None:
    mask = np.arange(100) < 25
    rng = np.random.default_rng(0)
    units = np.stack((mask * 5 + rng.random(100), -1.0 * mask, np.zeros(100))).astype(np.float16)
    assert overlap_units(units, mask).tolist() == [1, 0, 0]  # a silent unit is active nowhere


def test_the_overlap_is_intersection_over_union() -> None:
    mask = np.array([1, 1, 1, 0, 0, 0], bool)
    unit = np.array([[9, 8, 1, 7, 0, 0]], np.float16)  # its three most active cells hold two of the concept
    assert overlap_units(unit, mask)[0] == pytest.approx(2 / 4)


def test_chance() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random(20_000) < 0.3
    found = overlap_units(rng.random((1, 20_000)), mask)[0]
    assert found == pytest.approx(float(chance_overlap(mask.mean())), abs=0.02)


def test_drawn_concepts_are_looked_for_in_altered_images() -> None:
    masks = [{concept: np.zeros((4, 4), bool) for concept in CONCEPTS} for _ in range(2)]
    masks[0]["object"][0] = True
    clean, altered = np.zeros((2, 1, 4, 4), np.float16), np.zeros((2, 1, 4, 4), np.float16)
    altered[0, 0, 0] = 1
    found = measure_overlap(clean, altered, masks)
    assert found[0, CONCEPTS.index("object")] == 1
    assert np.isnan(np.delete(found[0], CONCEPTS.index("object"))).all()  # no image has them
    assert measure_shares(masks)[CONCEPTS.index("object")] == pytest.approx(4 / 32)


def test_a_response_is_the_rise_under_objects_in_deviations_of_the_unit() -> None:
    masks = [{name: np.zeros((2, 2), bool) for name in CONCEPTS} for _ in range(2)]
    masks[0]["object"][0] = True
    masks[0]["opacity"][0, 1] = True  # what else is drawn there says nothing of the object
    clean = np.arange(16, dtype=np.float16).reshape(2, 2, 2, 2)
    clean[:, 1] = 0  # the second unit is silent
    altered = clean.copy()
    altered[0, 0, 0] += [3, 100]
    found = measure_responses(clean, altered, masks)
    deviation = np.concatenate((clean[:, 0], altered[:, 0])).astype(float).std()
    assert found[0] == pytest.approx([3 / deviation, 0])
    assert np.isnan(found[1]).all()  # no object lies there
