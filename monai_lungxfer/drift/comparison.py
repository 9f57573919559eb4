"""Two sets compared, number by number: a two-sample test with a correction, the population stability index, a verdict.

docs/drift.md has how often the verdict is right, for halves of one set and for simulated doses of a portable device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, fisher_exact, ks_2samp

from monai_lungxfer.drift.samples import NOT_DONE, TITLES, PredictionSample
from monai_lungxfer.inference.quality import FLAGS
from monai_lungxfer.study.analysis.statistics import holm
from monai_lungxfer.utils.errors import InputFileError

LEAST_IMAGES = 40
"""Of fewer radiographs on either side, nothing is said."""

SIGNIFICANT = 0.01
"""A shift is told when its p-value, adjusted by Holm for all that is compared, is below."""

LEAST_SHIFT, LEAST_RATE = 0.2, 0.05
"""And when the shift is at least so large: the Kolmogorov-Smirnov distance of numbers, the difference of rates."""

_BINS, _PER_BIN = 10, 10


class DriftVerdict(StrEnum):
    """What a comparison amounts to."""

    DRIFT = "drift"
    NONE = "no drift found"
    UNDECIDED = "not enough to judge"


@dataclass(frozen=True)
class DriftOutcome:
    """The result.

    Attributes
    ----------
    reference, new : PredictionSample
        What was compared.
    numbers : pandas.DataFrame
        A row for each number: ``name``, ``n_reference``, ``n_new``, ``median_reference``, ``median_new``, ``distance``
        (Kolmogorov-Smirnov), ``p``, ``p_holm``, ``psi``, ``psi_by_chance`` (95th percentile without a shift) and
        ``drifted``.
    rates : pandas.DataFrame
        A row for each flag that a radiograph has: ``name``, ``n_reference``, ``n_new``, ``rate_reference``,
        ``rate_new``, ``p`` (Fisher's exact test), ``p_holm`` and ``drifted``.
    """

    reference: PredictionSample
    new: PredictionSample
    numbers: pd.DataFrame
    rates: pd.DataFrame

    @property
    def verdict(self) -> DriftVerdict:
        """What it amounts to."""
        if min(self.reference.files, self.new.files) < LEAST_IMAGES or not self.compared:
            return DriftVerdict.UNDECIDED
        return DriftVerdict.DRIFT if self.drifted else DriftVerdict.NONE

    @property
    def compared(self) -> int:
        """How many numbers and rates there are of enough radiographs."""
        return int(self.numbers.p.notna().sum() + self.rates.p.notna().sum())

    @property
    def drifted(self) -> list[str]:
        """What has drifted, the largest shift first."""
        numbers = self.numbers[self.numbers.drifted].sort_values("distance", ascending=False)
        rates = self.rates[self.rates.drifted]
        return [*numbers.name, *rates.name]

    @property
    def seen_from(self) -> float:
        """The smallest Kolmogorov-Smirnov distance that would have been told, of a number that all radiographs have."""
        sizes = (self.reference.images, self.new.images)
        if min(sizes) < 1:
            return 1.0
        tests = max(1, self.compared)
        limit = math.sqrt(-math.log(SIGNIFICANT / tests / 2) / 2 * (1 / sizes[0] + 1 / sizes[1]))
        return min(1.0, max(LEAST_SHIFT, limit))


def compare_samples(reference: PredictionSample, new: PredictionSample) -> DriftOutcome:
    """Compare two sets.

    Raises
    ------
    InputFileError
        When their masks are of different models: a shift could be the model's.
    """
    if len(models := reference.models | new.models) > 1:
        raise InputFileError(
            f"the masks are of {len(models)} models ({'; '.join(sorted(models))}), so a shift could be the model's",
            remedy="Segment the reference set again with the model of the new set",
        )
    numbers = pd.DataFrame(_compare_numbers(reference, new), columns=_NUMBER_COLUMNS)
    rates = pd.DataFrame(_compare_rates(reference, new), columns=_RATE_COLUMNS)
    adjusted = holm([*numbers.p, *rates.p])
    numbers["p_holm"], rates["p_holm"] = adjusted[: len(numbers)], adjusted[len(numbers) :]
    numbers["drifted"] = (numbers.p_holm < SIGNIFICANT) & (numbers.distance >= LEAST_SHIFT)
    rates["drifted"] = (rates.p_holm < SIGNIFICANT) & ((rates.rate_new - rates.rate_reference).abs() >= LEAST_RATE)
    return DriftOutcome(reference, new, numbers, rates)


_NUMBER_COLUMNS = (
    *("name", "n_reference", "n_new", "median_reference", "median_new", "distance", "p", "psi", "psi_by_chance"),
)
_RATE_COLUMNS = ("name", "n_reference", "n_new", "rate_reference", "rate_new", "p")


def _compare_numbers(reference: PredictionSample, new: PredictionSample) -> Iterator[tuple[object, ...]]:
    for name in TITLES:
        old, fresh = reference.values.get(name), new.values.get(name)
        if old is None or fresh is None:
            continue
        medians = (float(np.median(old)), float(np.median(fresh)))
        if min(old.size, fresh.size) < LEAST_IMAGES:
            yield (name, old.size, fresh.size, *medians, *[math.nan] * 4)
            continue
        test = ks_2samp(old, fresh)
        index, by_chance = stability_index(old, fresh)
        yield name, old.size, fresh.size, *medians, float(test.statistic), float(test.pvalue), index, by_chance


def _compare_rates(reference: PredictionSample, new: PredictionSample) -> Iterator[tuple[object, ...]]:
    for name in (*FLAGS, *NOT_DONE):
        counts = (reference.counts.get(name, 0), new.counts.get(name, 0))
        totals = (reference.files, new.files) if name in NOT_DONE else (reference.images, new.images)
        if not any(counts) or not all(totals):
            continue
        table = [[count, total - count] for count, total in zip(counts, totals, strict=True)]
        p = float(fisher_exact(table).pvalue) if min(totals) >= LEAST_IMAGES else math.nan
        yield name, *totals, counts[0] / totals[0], counts[1] / totals[1], p


def stability_index(reference: NDArray[np.float64], new: NDArray[np.float64]) -> tuple[float, float]:
    """Return the population stability index, and its 95th percentile where there is no shift.

    The bins are quantiles of the reference: ten, or fewer with less than ten radiographs in each. Half a radiograph is
    added to each bin, so that an empty one does not make it infinite. Without a shift, the index is about
    (1/n + 1/m) times a chi-square variable of one degree of freedom less than bins (Yurdakul and Naranjo, *Journal of
    Risk Model Validation* 14, 2020).
    """
    bins = max(2, min(_BINS, min(reference.size, new.size) // _PER_BIN))
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for values in (reference, new):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=edges.size + 1) + 0.5
        shares.append(counts / counts.sum())
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    scale = 1 / reference.size + 1 / new.size
    return index, float(chi2.ppf(0.95, edges.size)) * scale
