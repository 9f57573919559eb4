"""The answer: better, worse, no worse, or not shown; values by SciPy's test of differences."""

from __future__ import annotations

import numpy as np
import pytest
from own_images import BEFORE, make_report
from scipy.stats import ttest_1samp

from monai_lungxfer.adaptation.outcome import AdaptationVerdict, judge, list_pairs

RNG = np.random.default_rng(0)


def compare(change: np.ndarray, patients: list[int] | None = None):
    patients = patients or list(range(len(BEFORE)))
    return judge(make_report(BEFORE, patients), make_report(BEFORE + change, patients, weights_sha256="c" * 64))


def test_a_clear_gain_is_better_by_the_interval_of_student() -> None:
    change = np.linspace(0.01, 0.03, 12)
    outcome = compare(change)
    expected = ttest_1samp(change, 0).confidence_interval()
    assert outcome.verdict is AdaptationVerdict.BETTER
    assert outcome.reach == pytest.approx((expected.low, expected.high))
    assert (outcome.images, outcome.patients) == (12, 12)
    assert outcome.sentence.startswith("Better by 0.0200 (95 % interval +0.0158 to +0.0242; Dice of masks on 12 locked")


def test_a_clear_loss_is_worse_and_says_what_to_do() -> None:
    outcome = compare(-np.linspace(0.01, 0.03, 12))
    assert outcome.verdict is AdaptationVerdict.WORSE
    assert outcome.sentence.endswith("Keep the weights that you started from.")


@pytest.mark.parametrize(
    ("spread", "verdict"),
    [(0.001, AdaptationVerdict.NO_WORSE), (0.0, AdaptationVerdict.NO_WORSE), (0.03, AdaptationVerdict.OPEN)],
)
def test_an_interval_with_zero_is_judged_by_its_lower_end(spread: float, verdict: AdaptationVerdict) -> None:
    outcome = compare(np.tile([spread, -spread], 6))
    assert outcome.verdict is verdict
    assert ("Not shown with so few" in outcome.sentence) == (verdict is AdaptationVerdict.OPEN)


def test_a_loss_within_the_margin_is_no_worse() -> None:
    outcome = compare(-np.linspace(0.001, 0.002, 12))
    assert outcome.reach.high < 0
    assert outcome.verdict is AdaptationVerdict.NO_WORSE
    assert outcome.sentence.startswith("No worse, and not shown to be better: −0.0015 (")


def test_the_patients_that_are_needed_follow_from_the_width() -> None:
    outcome = compare(np.tile([0.03, -0.03], 6))
    half = (outcome.reach.high - outcome.reach.low) / 2
    assert outcome.needed_patients == int(np.ceil(12 * (half / 0.005) ** 2))
    assert f"About {outcome.needed_patients} locked patients" in outcome.sentence
    assert compare(np.tile([0.001, -0.001], 6)).needed_patients is None


def test_images_of_one_patient_are_not_independent() -> None:
    change = np.repeat([0.03, 0.001, 0.03, 0.001], 3)
    one_each, three_each = compare(change), compare(change, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    assert three_each.patients == 4
    assert three_each.difference == pytest.approx(one_each.difference)
    assert one_each.verdict is AdaptationVerdict.BETTER
    assert three_each.verdict is AdaptationVerdict.OPEN


def test_the_bootstrap_draws_patients() -> None:
    change = np.tile([0.02, 0.0], 6)
    low, high = compare(change).bootstrap
    means = RNG.choice(change, (20000, 12)).mean(axis=1)
    assert (low, high) == pytest.approx(tuple(np.quantile(means, (0.025, 0.975))), abs=0.001)


def test_pairs_are_by_image() -> None:
    patients = list(range(12))
    after = make_report(BEFORE + 0.01, patients)
    after["rows"].reverse()
    pairs = list_pairs(make_report(BEFORE, patients), after)
    assert pairs.change.to_numpy() == pytest.approx(np.full(12, 0.01))
