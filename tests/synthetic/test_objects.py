"""What lies on the patient or is written over the image, by what it does to known images."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.synthetic.objects import (
    MARKERS,
    draw_marker_position,
    electrodes,
    pacemaker,
    text_marker,
    tubes,
)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _flat(value: float, shape: tuple[int, int] = (90, 120)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def test_text_marker_stands_at_its_place():
    image = _flat(0.3)
    changed = np.argwhere(text_marker(image, "AP", (0.5, 0.1), height=0.2) > 0.5)
    assert 45 <= changed[:, 0].min() < changed[:, 0].max() < 45 + 18
    assert 12 <= changed[:, 1].min() < changed[:, 1].max() < 50
    np.testing.assert_array_equal(image, _flat(0.3))


def test_text_marker_is_moved_to_where_it_fits():
    long = text_marker(_flat(0.3), "AP PORTABLE", (0.99, 0.99), height=0.1) > 0.5
    free = text_marker(_flat(0.3), "AP PORTABLE", (0.2, 0.1), height=0.1) > 0.5
    assert long.sum() == free.sum() > 20
    assert np.argwhere(long).min(axis=0)[0] > 75


def test_r_and_l_stand_on_the_patients_side():
    middles = {text: [] for text in MARKERS}
    for text in MARKERS:
        for seed in range(40):
            marked = text_marker(_flat(0.3), text, draw_marker_position(_rng(seed), text)) > 0.5
            middles[text].append(np.argwhere(marked)[:, 1].mean() / marked.shape[1])
    assert max(middles["R"]) < 0.4
    assert min(middles["L"]) > 0.6
    assert min(middles["AP"]) < 0.4 < 0.6 < max(middles["AP"])


@pytest.mark.parametrize("draw", [tubes, electrodes])
def test_foreign_objects_are_thin_and_only_add(draw):
    difference = draw(_flat(0.4), _rng(1), 3) - 0.4
    assert difference.min() > -1e-6
    assert 0.08 < difference.max() < 0.3
    assert 0.005 < (difference > 0.05).mean() < 0.15
    np.testing.assert_allclose(draw(_flat(0.4), _rng(1), 0), 0.4)


def test_tubes_come_from_above():
    assert all((tubes(_flat(0.4), _rng(seed), 1)[0] > 0.43).any() for seed in range(5))


def test_a_pacemaker_is_one_dense_can_on_one_side_with_a_lead_to_the_heart():
    sides = set()
    for seed in range(8):
        added = pacemaker(_flat(0.3), _rng(seed)) - 0.3
        can = np.argwhere(added > 0.4)
        assert 0.003 < len(can) / added.size < 0.03
        assert can[:, 0].max() < 45  # in the upper half
        assert (added[50:, 60:80] > 0.1).any()  # the lead's tip
        sides.add(can[:, 1].mean() < 60)
    assert sides == {True, False}
