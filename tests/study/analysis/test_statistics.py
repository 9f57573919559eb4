"""Statistics by hand, by brute force, and beside SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from monai_lungxfer.study.analysis.statistics import (
    agreement,
    calibration_error,
    compare_with_zero,
    holm,
    interval,
    over_repetitions,
    rank_effect,
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


def studies(number: int, shares: tuple[float, ...] = (1.0, 0.3, 0.0)) -> Iterator[pd.DataFrame]:
    """Differences of small studies, around a mean that is 0 or not."""
    rng = np.random.default_rng(7)
    for i in range(number):
        repetitions, patients = int(rng.integers(1, 6)), int(rng.integers(8, 25))
        cells = rng.normal(0, shares[i % len(shares)], (repetitions, 1)) + rng.normal(0, 1, (1, patients))
        cells = cells + rng.normal(0, 1, (repetitions, patients)) + rng.choice([0, 0.5, 1])
        kept = rng.random(cells.shape) < 0.7
        yield rows([(r, f"p{p}", cells[r, p]) for r, p in np.argwhere(kept)])


def test_interval_and_p_tell_one_story() -> None:
    """The interval leaves 0 out exactly where p is below 0.05."""
    found = [compare_with_zero(table, "x") for table in studies(150)]
    beyond = [not one.low <= 0 <= one.high for one in found]
    assert beyond == [one.p < 0.05 for one in found]
    assert 30 < sum(beyond) < 120


def test_comparison_of_one_repetition_is_students_test_of_patients() -> None:
    values = [3.0, -1.0, 4.0, 2.5, -0.5, 6.0]
    table = rows([(0, f"p{number}", value) for number, value in enumerate(values)])
    found, wanted = compare_with_zero(table, "x"), stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(wanted.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(wanted.confidence_interval()))
    assert (found.mean, found.patients) == (pytest.approx(np.mean(values)), 6)


def test_comparison_of_differences_that_patients_share_is_students_test_of_repetitions() -> None:
    """Where repetitions alone differ, four repetitions are four, however many patients they have."""
    means = [0.5, 1.5, 0.2, 1.1]
    table = rows([(r, f"p{p}", mean) for r, mean in enumerate(means) for p in range(50)])
    assert compare_with_zero(table, "x").p == pytest.approx(stats.ttest_1samp(means, 0).pvalue)


def test_comparison_sums_the_variances_of_both_by_hand() -> None:
    cells = np.random.default_rng(3).normal(0.4, 1, (5, 12)) + np.linspace(-2, 2, 12) + np.array([[0, 1, -1, 2, 0.5]]).T
    table = rows([(r, f"p{p:02d}", cells[r, p]) for r in range(5) for p in range(12)])
    means, patients, whole = cells.mean(axis=1), cells.mean(axis=0), cells.mean()
    squares = {
        4: 12 * np.sum((means - whole) ** 2) / 4,
        11: 5 * np.sum((patients - whole) ** 2) / 11,
        44: -np.sum((cells - means[:, None] - patients + whole) ** 2) / 44,
    }
    variance = sum(squares.values()) / 60
    freedom = sum(squares.values()) ** 2 / sum(square**2 / n for n, square in squares.items())
    assert compare_with_zero(table, "x").p == pytest.approx(2 * stats.t.sf(abs(whole) / variance**0.5, freedom))


def test_without_a_difference_one_study_in_twenty_has_one() -> None:
    """In the worst case of all, in which a test of patients alone finds one in every second study."""
    rng = np.random.default_rng(11)
    found = np.zeros(2)
    for _ in range(300):
        cells = rng.normal(0, 1, (4, 1)) + rng.normal(0, 1, (1, 40)) + rng.normal(0, 1, (4, 40))
        table = rows([(r, f"p{p}", cells[r, p]) for r in range(4) for p in range(40)])
        found += (compare_with_zero(table, "x").p < 0.05, stats.wilcoxon(cells.mean(axis=0)).pvalue < 0.05)
    assert 0.02 < found[0] / 300 < 0.09
    assert found[1] / 300 > 0.3


def test_effect_by_hand_takes_each_patient_once() -> None:
    once = {"a": 3.0, "b": -1.0, "c": 4.0, "d": 2.5, "e": -0.5, "f": 6.0}
    assert rank_effect(pd.Series(once)) == (pytest.approx((4 + 5 + 3 + 6 - 3) / 21), 6)
    often = rows([(r, patient, x + shift) for r, shift in ((0, 0.1), (1, -0.1)) for patient, x in once.items()])
    found = compare_with_zero(often, "x")
    assert (found.effect, found.patients) == (pytest.approx(15 / 21), 6)


def test_comparison_without_differences() -> None:
    assert compare_with_zero(rows([(0, "a", 0.0), (0, "b", 0.0)]), "x") == (0.0, 0.0, 0.0, 1.0, 0.0, 2)
    nothing = compare_with_zero(rows([(0, "a", math.nan)]), "x")
    assert math.isnan(nothing.p)
    assert nothing.patients == 0
    single = compare_with_zero(rows([(0, "a", 1.0), (1, "a", 2.0)]), "x")
    assert (single.mean, single.patients, math.isnan(single.low)) == (1.5, 1, True)


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
