"""Statistics by hand, by brute force, and beside SciPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from monai_lungxfer.study.analysis.statistics import (
    agreement,
    calibration_error,
    holm,
    interval,
    over_repetitions,
    paired_test,
    worst_tenth,
)


def rows(values: list[tuple[int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=["repetition", "patient", "x"])


def test_mean_and_spread_are_of_the_means_of_repetitions() -> None:
    table = rows([(0, "a", 1.0), (0, "b", 3.0), (1, "a", 4.0), (2, "c", math.nan), (2, "a", 6.0)])
    assert over_repetitions(table, "x") == (pytest.approx(4.0), pytest.approx(2.0))  # means 2, 4, 6
    alone = over_repetitions(table[table.repetition == 1], "x")
    assert alone[0] == 4.0
    assert math.isnan(alone[1])


def test_interval_of_one_repetition_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(0.9, 0.05, 40)
    table = rows([(0, f"p{i}", value) for i, value in enumerate(values)])
    expected = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile", rng=2).confidence_interval
    assert interval(table, "x") == pytest.approx((expected.low, expected.high), abs=0.002)


def crossed(repetitions: int = 6, patients: int = 20) -> pd.DataFrame:
    """Half of the patients in each repetition, some with two images; effects of patients and of repetitions."""
    rng = np.random.default_rng(3)
    of_patient, of_repetition = rng.normal(0, 0.05, patients), rng.normal(0, 0.03, repetitions)
    return rows(
        [
            (repetition, f"p{patient}", of_patient[patient] + of_repetition[repetition] + rng.normal(0, 0.01))
            for repetition in range(repetitions)
            for patient in rng.permutation(patients)[: patients // 2]
            for _ in range(1 + patient % 2)
        ]
    )


def mean_of_means(table: pd.DataFrame, weights: np.ndarray, drawn: np.ndarray) -> float:
    """The mean of weighted repetition means, each as often as it was drawn."""
    x, of = table.x.to_numpy(), table.repetition.to_numpy()
    means = {r: np.average(x[of == r], weights=weights[of == r]) for r in set(of) if weights[of == r].any()}
    return float(np.average(list(means.values()), weights=[drawn[r] for r in means]))


@pytest.mark.parametrize("kept", [1.0, 0.3], ids=["equal counts", "unequal counts"])
def test_interval_weighs_images_by_draws_of_patients_and_means_by_draws_of_repetitions(kept: float) -> None:
    table = crossed()
    high = table.groupby("repetition").x.mean().rank() > 3  # the fewer images, the higher the mean
    table = table[~table.repetition.map(high) | (table.groupby("repetition").cumcount() < kept * 15)]
    rng = np.random.default_rng(4)
    codes = pd.factorize(table.patient)[0]
    means = []
    for _ in range(4000):
        repetitions, patients = (np.bincount(rng.integers(0, n, n), minlength=n) for n in (6, 20))
        weights = patients[codes]
        if repetitions[table.repetition[weights > 0]].any():
            means.append(mean_of_means(table, weights, repetitions))
    assert interval(table, "x") == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.004)


def test_interval_is_around_the_mean_that_is_told() -> None:
    """A repetition with many images is one repetition."""
    many = [(0, f"p{number}", 0.0) for number in range(90)]
    table = rows([*many, *((r, f"p{number}", 1.0) for r in (1, 2, 3) for number in range(10))])
    low, high = interval(table, "x")
    assert low < over_repetitions(table, "x")[0] == 0.75 < high
    assert low >= 0.25


def test_interval_is_wider_than_if_all_rows_were_independent() -> None:
    table = crossed()
    low, high = interval(table, "x")
    naive = stats.bootstrap((table.x.to_numpy(),), np.mean, method="percentile", rng=0).confidence_interval
    assert high - low > 1.8 * (naive.high - naive.low)


def test_interval_leaves_out_what_is_undefined_and_needs_two_patients() -> None:
    table = crossed()
    with_gap = pd.concat([table, rows([(0, "p0", math.nan), (9, "new", math.nan)])])
    assert interval(with_gap, "x") == interval(table, "x")
    assert all(math.isnan(end) for end in interval(rows([(0, "a", 1.0), (1, "a", 2.0)]), "x"))
    assert all(math.isnan(end) for end in interval(rows([(0, "a", math.nan)]), "x"))


def test_interval_of_a_rare_finding_is_defined() -> None:
    """Draws that miss its few rows altogether are no reason to give up."""
    low, high = interval(rows([(0, "a", 1.0), (1, "b", 2.0), (2, "c", 3.0)]), "x")
    assert 1 <= low < 2 < high <= 3


def test_paired_test_is_that_of_all_signs() -> None:
    differences = {"a": 3.0, "b": -1.0, "c": 4.0, "d": 2.5, "e": -0.5, "f": 6.0}
    ranks = {"a": 4, "b": 2, "c": 5, "d": 3, "e": 1, "f": 6}
    rising = 4 + 5 + 3 + 6
    sums = [sum(itertools.compress(ranks.values(), signs)) for signs in itertools.product((0, 1), repeat=6)]
    p = 2 * np.mean([total >= rising for total in sums])
    found = paired_test(rows([(0, patient, value) for patient, value in differences.items()]), "x")
    assert found.p == pytest.approx(p)
    assert found.effect == pytest.approx((rising - 3) / 21)
    assert found.patients == 6


def test_paired_test_takes_each_patient_once() -> None:
    once = rows([(0, "a", 1.0), (0, "b", 2.0), (0, "c", -3.0)])
    often = rows([(r, p, x + shift) for r, shift in ((0, 0.1), (1, -0.1)) for _, p, x in once.itertuples(index=False)])
    assert paired_test(often, "x") == pytest.approx(paired_test(once, "x"))


def test_paired_test_without_differences() -> None:
    assert paired_test(rows([(0, "a", 0.0), (0, "b", 0.0)]), "x") == (1.0, 0.0, 2)
    nothing = paired_test(rows([(0, "a", math.nan)]), "x")
    assert math.isnan(nothing.p)
    assert nothing.patients == 0


def test_holm_by_hand() -> None:
    adjusted = holm([0.01, 0.04, 0.03, math.nan, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, math.nan, 0.02], nan_ok=True)
    assert holm([0.9, 0.6]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_the_worst_tenth_of_twenty_are_two() -> None:
    percentile, mean = worst_tenth([0.9, 0.5, 0.7, math.nan, *[1.0] * 17])
    assert mean == pytest.approx(0.6)
    assert percentile == pytest.approx(0.88)  # between 0.7 and 0.9


def test_of_a_few_images_it_is_the_worst_and_of_distances_the_farthest() -> None:
    assert worst_tenth([0.8, 0.6])[1] == pytest.approx(0.6)
    assert worst_tenth([10.0, 2.0, 4.0], lowest=False) == (pytest.approx(8.8), 10.0)
    assert all(math.isnan(value) for value in worst_tenth([math.nan]))


def test_limits_of_agreement_by_hand() -> None:
    found = agreement([1.0, 2.0, 3.0])
    assert found == pytest.approx((2.0, 2 - 1.96, 2 + 1.96))


def test_calibration_error_weighs_by_pixels() -> None:
    bins = pd.DataFrame({"pixels": [300, 0, 100], "probability": [0.1, math.nan, 0.9], "lung": [0.2, math.nan, 0.5]})
    assert calibration_error(bins) == pytest.approx((300 * 0.1 + 100 * 0.4) / 400)
