"""Verdicts on drawn numbers, and the index and tests against computations written out."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.drift.comparison import LEAST_IMAGES, DriftVerdict, compare_samples, stability_index
from monai_lungxfer.drift.page import state_verdict
from monai_lungxfer.drift.samples import PredictionSample
from monai_lungxfer.utils.errors import InputFileError


def sample(shares: np.ndarray, flagged: int = 0, model: str = "m", **values: np.ndarray) -> PredictionSample:
    return PredictionSample(
        len(shares), {"share": shares, **values}, {"island": flagged}, len(shares), frozenset({model})
    )


def draw(seed: int, mean: float = 0.3, number: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.05, number)


def test_a_shift_is_found_and_halves_are_not() -> None:
    assert compare_samples(sample(draw(0)), sample(draw(1))).verdict is DriftVerdict.NONE
    shifted = compare_samples(sample(draw(0)), sample(draw(1, mean=0.36)))
    assert shifted.verdict is DriftVerdict.DRIFT
    assert shifted.drifted == ["share"]
    assert "Lungs' share of the image" in state_verdict(shifted)


def test_the_distance_is_that_of_the_cumulative_distributions() -> None:
    old, new = draw(0), draw(1, mean=0.33)
    places = np.concatenate([old, new])
    gaps = [abs((old <= place).mean() - (new <= place).mean()) for place in places]
    row = compare_samples(sample(old), sample(new)).numbers.iloc[0]
    assert row.distance == pytest.approx(max(gaps))
    assert (row.median_reference, row.median_new) == (np.median(old), np.median(new))


@pytest.mark.parametrize("number", [1, LEAST_IMAGES - 1])
def test_too_few_are_never_called_the_same(number: int) -> None:
    for few in (draw(1, number=number), draw(1, mean=3, number=number)):
        for outcome in (compare_samples(sample(draw(0)), sample(few)), compare_samples(sample(few), sample(draw(0)))):
            assert outcome.verdict is DriftVerdict.UNDECIDED
            assert state_verdict(outcome).startswith("Not enough to judge")


def test_a_number_that_few_have_is_not_judged() -> None:
    few = draw(2, number=LEAST_IMAGES - 1)
    outcome = compare_samples(sample(draw(0), lung_cm2=few), sample(draw(1), lung_cm2=few + 9))
    assert outcome.numbers.set_index("name").p.isna().to_dict() == {"lung_cm2": True, "share": False}
    assert outcome.verdict is DriftVerdict.NONE


def test_nothing_in_common_is_not_judged() -> None:
    empty = PredictionSample(100, {}, {}, 100)
    assert compare_samples(empty, empty).verdict is DriftVerdict.UNDECIDED


def test_a_rate_that_rises_is_found() -> None:
    outcome = compare_samples(sample(draw(0), flagged=2), sample(draw(1), flagged=30))
    assert outcome.drifted == ["island"]
    assert outcome.rates.iloc[0].rate_new == pytest.approx(0.15)
    assert compare_samples(sample(draw(0), flagged=2), sample(draw(1), flagged=5)).drifted == []


def test_a_shift_that_is_sure_but_small_is_no_drift() -> None:
    outcome = compare_samples(sample(draw(0, number=20000)), sample(draw(1, mean=0.305, number=20000)))
    assert outcome.numbers.iloc[0].p_holm < 1e-6
    assert outcome.verdict is DriftVerdict.NONE


def test_other_models_are_refused() -> None:
    with pytest.raises(InputFileError, match="of 2 models"):
        compare_samples(sample(draw(0)), sample(draw(1), model="other"))


def test_the_index_is_the_sum_over_the_quantiles() -> None:
    old, new = np.arange(100.0), np.arange(100.0) / 2
    index, _ = stability_index(old, new)
    counts = np.histogram(new, bins=[-1, *np.quantile(old, np.arange(1, 10) / 10), 1000])[0] + 0.5
    shares, even = counts / counts.sum(), 0.1
    assert index == pytest.approx(sum((share - even) * np.log(share / even) for share in shares), rel=1e-6)


def test_the_index_without_a_shift_is_mostly_below_its_limit() -> None:
    found = [stability_index(draw(2 * seed), draw(2 * seed + 1)) for seed in range(400)]
    above = np.mean([index > limit for index, limit in found])
    assert 0.02 < above < 0.09


def test_the_smallest_shift_that_is_seen_is_told() -> None:
    outcome = compare_samples(sample(draw(0, number=50)), sample(draw(1, number=50)))
    apart = np.full(50, outcome.seen_from + 0.04)
    shifted = np.where(np.arange(50) < 50 * apart, draw(0, number=50) + 1, draw(0, number=50))
    assert compare_samples(sample(draw(0, number=50)), sample(shifted)).verdict is DriftVerdict.DRIFT
