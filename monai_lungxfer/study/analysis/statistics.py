"""The statistics of a study: spread, intervals, paired tests, effect sizes, worst tenth, agreement.

The same image is measured in many repetitions, by other weights each time, and a patient may have several images. So
neither all rows together nor the repetitions are independent of each other; what is independent are the patients.
Intervals therefore resample patients and repetitions (see `interval`), tests compare patients (see `paired_test`), and
the standard deviation over repetitions is given with them, as in the paper.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, wilcoxon

RESAMPLES = 2000
SEED = 0


class Interval(NamedTuple):
    """An interval of confidence."""

    low: float
    high: float

    @property
    def beyond_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


class PairedTest(NamedTuple):
    """Wilcoxon's signed-rank test: two-sided p, matched-pairs rank-biserial effect in [-1, 1], number of patients."""

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
    cells = rows.dropna(subset=[name]).groupby(["repetition", "patient"])[name].agg(["sum", "count"])
    sums, counts = (cells[column].unstack(fill_value=0).to_numpy(float) for column in ("sum", "count"))
    if sums.size == 0 or sums.shape[1] < 2:
        return Interval(np.nan, np.nan)
    rng = np.random.default_rng(SEED)
    repetitions, patients = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) for n in sums.shape)
    total, number = (patients @ table.T for table in (sums, counts))  # (draws, repetitions)
    weights = np.where(number > 0, repetitions, 0)  # where a finding is rare, a draw may have no image of it
    means = (weights * total / np.maximum(number, 1)).sum(axis=1)
    drawn = weights.any(axis=1)
    return Interval(*(float(end) for end in np.quantile(means[drawn] / weights[drawn].sum(axis=1), (0.025, 0.975))))


def paired_test(rows: pd.DataFrame, name: str) -> PairedTest:
    """Test whether differences are symmetric about 0, one difference a patient.

    Wilcoxon's signed-rank test (differences of 0 are left out) on the mean of each patient's differences over images
    and repetitions. The effect is the matched-pairs rank-biserial correlation (Kerby 2014, *Comprehensive Psychology*
    3): the share of the rank sum that speaks for an increase less the share that speaks for a decrease; 1 when every
    patient rises.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns `patient` and `name`; undefined values are left out.
    name : str
        The difference.

    Returns
    -------
    PairedTest
        p = 1 and effect 0 when no patient differs; NaN when there is no patient.
    """
    differences = rows.groupby("patient")[name].mean().dropna().to_numpy()
    if differences.size == 0:
        return PairedTest(np.nan, np.nan, 0)
    changed = differences[differences != 0]
    if changed.size == 0:
        return PairedTest(1.0, 0.0, differences.size)
    ranks = rankdata(np.abs(changed))
    effect = np.sum(ranks * np.sign(changed)) / ranks.sum()
    return PairedTest(float(wilcoxon(changed).pvalue), float(effect), differences.size)


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
