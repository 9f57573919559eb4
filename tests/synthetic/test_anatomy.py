"""The organs of a chest lie where those of a patient do."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.synthetic.anatomy import Anatomy


@pytest.fixture(params=range(3))
def anatomy(request) -> Anatomy:
    return Anatomy.drawn(np.random.default_rng(request.param))


def test_the_right_dome_is_higher_and_each_lung_is_on_its_side(anatomy):
    assert anatomy.domes[0] < anatomy.domes[1]
    for side in (-1, 1):
        outline = anatomy.lung(side, np.random.default_rng(0))
        assert (side * outline[:, 0]).min() > 0
        assert anatomy.apex - 0.1 < outline[:, 1].min() < outline[:, 1].max() <= anatomy.domes[side > 0] + 0.27


def test_the_heart_lies_more_to_the_left_of_the_patient(anatomy):
    heart = anatomy.mediastinum()[0]
    assert heart[:, 0].mean() == pytest.approx(0.13, abs=0.01)


def test_bones_and_vessels_are_strokes(anatomy):
    rng = np.random.default_rng(0)
    lines = [*anatomy.ribs(), *anatomy.clavicles(), *anatomy.vertebrae(), *anatomy.vessels(rng, 1)]
    assert len(anatomy.ribs()) == 2 * 10 * 4
    assert all(points.shape[1] == 2 and width > 0 and 0 < value <= 1 for points, width, value in lines)
