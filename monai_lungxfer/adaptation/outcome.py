"""Is the adapted model better? Two reports of the locked part, compared by patient, and one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from monai_lungxfer.metrics.summary import pair_rows
from monai_lungxfer.registry.gate import MARGIN
from monai_lungxfer.study.analysis.comparisons import LOWER_IS_BETTER
from monai_lungxfer.study.analysis.report_comparison import ReportComparison, compare_reports
from monai_lungxfer.study.analysis.statistics import Interval, interval
from monai_lungxfer.study.report.formatting import interval_text, number_text, signed_text

METRIC = "DICE_HARD"
"""What the verdict is about: the Dice of masks, since masks are what a reader gets."""

_DIGITS = 4
_OTHERS = ("DICE", "HD95", "ASD", "ISLANDS", "BRIDGES", "FUSED")


class AdaptationVerdict(StrEnum):
    """What the locked part says."""

    BETTER = "better"
    WORSE = "worse"
    NO_WORSE = "no worse"
    OPEN = "not shown"


@dataclass(frozen=True)
class AdaptationOutcome:
    """What was measured on the locked part before and after the adaptation.

    Attributes
    ----------
    verdict : AdaptationVerdict
        It goes by `reach`.
    before, after, difference : float
        Mean Dice of masks over images, and after less before.
    reach : Interval
        Student's 95 % interval of the difference, over patients.
    bootstrap : Interval
        The same by a paired bootstrap of patients. Of few patients it is too narrow.
    images, patients : int
        Of the locked part.
    comparison : ReportComparison
        All metrics, and what limits the comparison.
    """

    verdict: AdaptationVerdict
    before: float
    after: float
    difference: float
    reach: Interval
    bootstrap: Interval
    images: int
    patients: int
    comparison: ReportComparison

    @property
    def sentence(self) -> str:
        """The answer, the same for the terminal, the page and the model card."""
        change = signed_text(self.difference, _DIGITS)
        reach = f"95 % interval {interval_text(self.reach, _DIGITS, signed=True)}"
        basis = f"Dice of masks on {self.images} locked images of {self.patients} patients"
        if self.verdict is AdaptationVerdict.BETTER:
            return f"Better by {number_text(self.difference, _DIGITS)} ({reach}; {basis})."
        if self.verdict is AdaptationVerdict.WORSE:
            lost = number_text(-self.difference, _DIGITS)
            return f"Worse by {lost} ({reach}; {basis}). Keep the weights that you started from."
        if self.verdict is AdaptationVerdict.NO_WORSE:
            return f"No worse, and not shown to be better: {change} ({reach}; {basis})."
        needed = self.needed_patients
        more = "" if needed is None else f" About {needed:,} locked patients could show a change of {MARGIN:g}."
        return f"Not shown with so few: {change} ({reach}; {basis}).{more}"

    @property
    def worse_metrics(self) -> list[str]:
        """Other metrics that became worse, by intervals without 0: a mask may be worse in what Dice does not see."""
        table = self.comparison.metrics.set_index("metric")
        return [
            name
            for name in _OTHERS
            if name in table.index and (table.low[name] > 0 if name in LOWER_IS_BETTER else table.high[name] < 0)
        ]

    @property
    def needed_patients(self) -> int | None:
        """Locked patients whose interval would reach `MARGIN` to each side, if they scatter as these do.

        None where that is unknown, or no more than there are.
        """
        half = (self.reach.high - self.reach.low) / 2
        needed = 0 if math.isnan(half) else math.ceil(self.patients * (half / MARGIN) ** 2)
        return needed if needed > self.patients else None


def judge(before: Mapping[str, Any], after: Mapping[str, Any]) -> AdaptationOutcome:
    """Compare two reports of `lungxfer evaluate` on the locked part, see `compare_reports`.

    "Better" is an interval above 0. "No worse" is another one above minus `MARGIN`, the loss that the registry's gate
    lets pass. "Worse" is one below 0 that reaches lower. All else is open.

    Raises
    ------
    LungXferError
        When the reports cannot be compared.
    """
    comparison = compare_reports(before, after)
    row = comparison.metrics.set_index("metric").loc[METRIC]
    reach = Interval(float(row.low), float(row.high))
    return AdaptationOutcome(
        verdict=_decide(reach),
        before=float(row["first"]),
        after=float(row["second"]),
        difference=float(row.difference),
        reach=reach,
        bootstrap=_bootstrap(before, after),
        images=comparison.pairs,
        patients=comparison.patients,
        comparison=comparison,
    )


def _decide(reach: Interval) -> AdaptationVerdict:
    if reach.low > 0:
        return AdaptationVerdict.BETTER
    if reach.low > -MARGIN:
        return AdaptationVerdict.NO_WORSE
    return AdaptationVerdict.WORSE if reach.high < 0 else AdaptationVerdict.OPEN


def list_pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each image that both reports have measured: repetition, patient, before, after, change."""
    own, other = pair_rows(before["rows"], after["rows"], [METRIC])
    table = pd.DataFrame(
        {
            "repetition": 0,
            "patient": [str(row.get("patient", row["image"])) for row in own],
            "before": [float(row[METRIC]) for row in own],
            "after": [float(row[METRIC]) for row in other],
        }
    )
    return table.assign(change=table.after - table.before)


def _bootstrap(before: Mapping[str, Any], after: Mapping[str, Any]) -> Interval:
    return interval(list_pairs(before, after), "change")
