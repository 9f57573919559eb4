"""The statistics of a study: spread, intervals, paired tests, effect sizes, worst tenth, agreement.

The same image is measured in many repetitions, by other weights each time, and a patient may have several images. So
neither all rows together nor the repetitions are independent of each other. Intervals and tests therefore take both
patients and repetitions as drawn at random (see `interval` and `compare_with_zero`). A difference has one story: its
95 % interval leaves 0 out exactly where its p is below 0.05.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, t

RESAMPLES = 2000
SEED = 0

FEWEST_PATIENTS = 8
"""Of fewer patients, nothing is said that rests on a bootstrap alone, such as `interval`.

A bootstrap knows no other patients than those that it has, and its intervals are too narrow for few. Of normal values,
its 95 % interval contains the true mean in about 50 % of cases for 2 patients, 84 % for 5 and 90 % for 8. The intervals
of `compare_with_zero` grow by themselves where patients are few.
"""


class Interval(NamedTuple):
    """An interval of confidence."""

    low: float
    high: float

    @property
    def beyond_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


class Difference(NamedTuple):
    """A mean difference, its 95 % interval, its two-sided p, its effect in [-1, 1], and the number of patients."""

    mean: float
    low: float
    high: float
    p: float
    effect: float
    patients: int


class Agreement(NamedTuple):
    """Bland and Altman's mean difference and 95 % limits of agreement."""

    bias: float
    low: float
    high: float


def over_repetitions(rows: pd.DataFrame, name: str) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1) over repetitions of the mean over images of the metric `name`.

    Undefined values are left out. The deviation is NaN for one repetition, both are NaN where nothing is defined.
    """
    means = rows.groupby("repetition")[name].mean()
    return float(means.mean()), float(means.std(ddof=1))


def interval(rows: pd.DataFrame, name: str) -> Interval:
    """Return the 95 % bootstrap interval of the mean of `over_repetitions`.

    Patients and repetitions are crossed: each repetition measures a part of the patients, each patient is measured in
    a part of the repetitions. Both are drawn with replacement, independently of each other (the pigeonhole bootstrap
    of Owen, *Annals of Applied Statistics* 1, 2007, 386-411, which errs on the wide side). In each draw an image
    counts in its repetition's mean as often as its patient was drawn, and that mean as often as the repetition was; a
    repetition of which no patient was drawn has none. The interval thus says how the mean would vary with
    other patients, other splits and other trainings. Resampling images within repetitions would take the same image
    in 25 repetitions for 25 images, and give an interval too narrow. `scipy.stats.bootstrap` draws one factor alone.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns `repetition`, `patient` and `name`; undefined values are left out.
    name : str
        The metric, or a difference of metrics.

    Returns
    -------
    Interval
        NaN where there are fewer than two patients. With one repetition, its training is taken as given.
    """
    return percentiles(resample_means(rows, name))


def percentiles(draws: NDArray[np.float64]) -> Interval:
    """Return the middle 95 % of draws; NaN without any."""
    if draws.size == 0:
        return Interval(np.nan, np.nan)
    return Interval(*(float(end) for end in np.quantile(draws, (0.025, 0.975))))


def resample_means(rows: pd.DataFrame, name: str, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return the draws of `interval`; none where there are fewer than two patients.

    Metrics of the same images of the same repetitions have the same patients and repetitions in the same draw.
    """
    sums, counts = _cells(rows.dropna(subset=[name]), name)
    if sums.size == 0 or sums.shape[1] < 2:
        return np.empty(0)
    rng = np.random.default_rng(SEED)
    repetitions, patients = (rng.multinomial(n, np.full(n, 1 / n), resamples) for n in sums.shape)
    total, number = (patients @ table.T for table in (sums, counts))  # (draws, repetitions)
    weights = np.where(number > 0, repetitions, 0)  # where a finding is rare, a draw may have no image of it
    means = (weights * total / np.maximum(number, 1)).sum(axis=1)
    drawn = weights.any(axis=1)
    return np.asarray(means[drawn] / weights[drawn].sum(axis=1))


def compare_with_zero(rows: pd.DataFrame, name: str) -> Difference:
    """Test whether a mean difference is 0, given that other patients and other trainings would have given another one.

    The mean is that of `over_repetitions`. Its variance is the sum of what patients and repetitions contribute, less
    what both contain: V = V_P + V_R - V_PR, the usual estimate for two crossed factors (Cameron, Gelbach, Miller,
    *Journal of Business & Economic Statistics* 29, 2011, 238-249), but not less than V_P or V_R. Interval and p are of
    Student's t with the degrees of freedom of Satterthwaite (*Biometrics Bulletin* 2, 1946, 110-114). Where
    repetitions differ more than patients, these are few, as the repetitions are.

    Without any difference, p < 0.05 in 2.4 to 6.6 % of 500 simulated studies each of 4 to 25 repetitions and 30 to 100
    patients. A test of patients alone (Wilcoxon's) has up to 63 %, a bootstrap of both up to 17 %:
    ``python benchmarks/benchmark_statistics.py``.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns `repetition`, `patient` and `name`; undefined values are left out.
    name : str
        The difference.

    Returns
    -------
    Difference
        NaN where there are fewer than two patients. With one repetition, its training is taken as given. p is 1 when
        no image differs. For the effect see `rank_effect`.
    """
    values = rows.dropna(subset=[name])
    effect, patients = rank_effect(values.groupby("patient")[name].mean())
    mean = over_repetitions(values, name)[0]
    if patients < 2:
        return Difference(mean, np.nan, np.nan, np.nan, effect, patients)
    variance, freedom = _crossed_variance(*_cells(values, name))
    if variance == 0:
        return Difference(mean, mean, mean, 1.0 if mean == 0 else 0.0, effect, patients)
    error = float(np.sqrt(variance))
    reach = error * float(t.ppf(0.975, freedom))
    p = 2 * float(t.sf(abs(mean) / error, freedom))
    return Difference(mean, mean - reach, mean + reach, p, effect, patients)


def _cells(rows: pd.DataFrame, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sum and number of the values of each repetition (row) and patient (column)."""
    cells = rows.groupby(["repetition", "patient"])[name].agg(["sum", "count"])
    sums, counts = (cells[column].unstack(fill_value=0).to_numpy(float) for column in ("sum", "count"))
    return sums, counts


def _crossed_variance(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return the variance of the mean of the repetitions' means, and its degrees of freedom."""
    r, p = sums.shape
    images = counts.sum(axis=1, keepdims=True)
    means = sums.sum(axis=1, keepdims=True) / images
    influence = (sums - counts * means) / images / r
    of_patients = influence.sum(axis=0)
    v_p = p / (p - 1) * float(np.sum(of_patients**2))
    if r == 1:
        return v_p, p - 1
    v_r = float(means.var(ddof=1)) / r
    both = (r - 1) * (p - 1)
    v_pr = r * p / both * float(np.sum((influence - of_patients / r) ** 2))
    variance = max(v_p + v_r - v_pr, v_p, v_r)
    spread = v_p**2 / (p - 1) + v_r**2 / (r - 1) + v_pr**2 / both
    return variance, variance**2 / spread if spread else p - 1


def rank_effect(differences: pd.Series) -> tuple[float, int]:
    """Return the matched-pairs rank-biserial correlation of differences, and how many there are.

    It is the share of the rank sum that speaks for an increase less the share that speaks for a decrease (Kerby 2014,
    *Comprehensive Psychology* 3): 1 when every difference is above 0. Differences of 0 are left out; with no others it
    is 0, and without any it is NaN.
    """
    values = differences.dropna().to_numpy()
    changed = values[values != 0]
    if changed.size == 0:
        return (0.0 if values.size else np.nan), values.size
    ranks = rankdata(np.abs(changed))
    return float(np.sum(ranks * np.sign(changed)) / ranks.sum()), values.size


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values of one family for their number (Holm, *Scandinavian Journal of Statistics* 6, 1979, 65-70).

    The order stays. NaN is not a member of the family and stays NaN.
    """
    adjusted = np.array(p_values, dtype=float)
    members = np.flatnonzero(~np.isnan(adjusted))
    ascending = members[np.argsort(adjusted[members], kind="stable")]
    factors = np.arange(ascending.size, 0, -1)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(adjusted[ascending] * factors), 1)
    return adjusted


def worst_tenth(values: ArrayLike, *, lowest: bool = True) -> tuple[float, float]:
    """Return the 10th percentile, and the mean of the tenth of the values that are worst (one value at least).

    NaN is left out. Unless the `lowest` values are the bad ones, as of Dice, it is the 90th percentile and the mean of
    the highest tenth.
    """
    defined = np.asarray(values, dtype=float)
    defined = np.sort(defined[~np.isnan(defined)])
    if defined.size == 0:
        return np.nan, np.nan
    number = max(1, defined.size // 10)
    if lowest:
        return float(np.quantile(defined, 0.1)), float(defined[:number].mean())
    return float(np.quantile(defined, 0.9)), float(defined[-number:].mean())


def agreement(differences: ArrayLike) -> Agreement:
    """Return bias and limits of agreement, mean ± 1.96 SD, of two values or more (Bland, Altman, *Lancet* 1986)."""
    values = np.asarray(differences, dtype=float)
    bias, reach = float(values.mean()), 1.96 * float(values.std(ddof=1))
    return Agreement(bias, bias - reach, bias + reach)


def calibration_error(bins: pd.DataFrame) -> float:
    """Return the expected calibration error: the mean gap between probability and share of lung over pixels.

    The columns are those of the ranges that `monai_lungxfer.handlers.image_table.ImageTable.write` writes.
    """
    filled = bins[bins.pixels > 0]
    return float(np.average((filled.probability - filled.lung).abs(), weights=filled.pixels))
