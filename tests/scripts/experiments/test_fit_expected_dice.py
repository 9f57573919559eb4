"""What `scripts/experiments/fit_expected_dice.py` fits, and how it judges it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fit_expected_dice import LEARNT, fit, found_at, regressor, target, vectors

from monai_lungxfer.inference.expected_dice import ExpectedDice
from monai_lungxfer.inference.mask_doubt import NAMES


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    doubt = random.random((300, len(NAMES)))
    dice = 0.98 - 0.2 * doubt[:, 0] * random.random(300)
    images = np.arange(300) // 3
    return pd.DataFrame(
        {"set": "made up", "image": images, "way": LEARNT[0], "dice": dice, "doubt": list(map(list, doubt))}
    )


def test_the_trees_are_those_of_scikit_learn(rows: pd.DataFrame) -> None:
    x = vectors(rows)
    expected = regressor().fit(x, target(rows.dice.to_numpy())).predict(x[:40])
    fitted = ExpectedDice(fit(rows))
    assert [fitted.score(vector.astype(float)) for vector in x[:40]] == pytest.approx(expected, abs=1e-4)


def test_the_interval_rises_and_holds_what_is_expected(rows: pd.DataFrame) -> None:
    fitted = fit(rows)
    assert (fitted["low"] <= fitted["expected"]).all()
    assert (fitted["expected"] <= fitted["high"]).all()
    assert all((np.diff(fitted[name]) >= 0).all() for name in ("score", "expected", "low", "high"))
    assert fitted["expected"][0] < fitted["expected"][-1]


def test_found_at_a_tenth_of_false_alarms() -> None:
    doubt = np.arange(20.0)
    assert found_at(doubt, doubt >= 10) == 1
    assert found_at(-doubt, doubt >= 10) == 0
    assert np.isnan(found_at(doubt, doubt < 0))
