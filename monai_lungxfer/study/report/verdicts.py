"""What a report says in a sentence or a number, and when a difference counts as shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from monai_lungxfer.study.analysis.comparisons import LOWER_IS_BETTER
from monai_lungxfer.study.analysis.statistics import FEWEST_PATIENTS, Interval

SIGNIFICANT = 0.05


class Verdict(StrEnum):
    """What a statement amounts to."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "no difference shown"
    FEW = "too few to tell"
    NOTE = "note"
    CAUTION = "caution"


@dataclass(frozen=True)
class Statement:
    """One sentence, what it amounts to, and the statistics behind it."""

    verdict: Verdict
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Tile:
    """A number that is seen first: the number, what it is, and its context."""

    value: str
    label: str
    detail: str


def judge_comparison(row: Any) -> Verdict:
    """Judge a row of `compare_rows`: p, adjusted, must be below 0.05; the interval then excludes 0, too."""
    reach = Interval(row["difference_low"], row["difference_high"])
    if not (row["p_holm"] < SIGNIFICANT and reach.beyond_zero):
        return Verdict.OPEN
    return Verdict.BETTER if (reach.low > 0) != (row["metric"] in LOWER_IS_BETTER) else Verdict.WORSE


def judge_difference(difference: float, reach: Interval, patients: int) -> Verdict:
    """Judge a difference of which more is better: of too few patients, nothing is said, see `FEWEST_PATIENTS`."""
    if patients < FEWEST_PATIENTS:
        return Verdict.FEW
    if not reach.beyond_zero:
        return Verdict.OPEN
    return Verdict.BETTER if difference > 0 else Verdict.WORSE
