"""Cells and notes that several tables of a study share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from monai_lungxfer.study.analysis.comparisons import TABLE_METRICS
from monai_lungxfer.study.analysis.paper import SOURCE
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.formatting import (
    interval_text,
    mean_text,
    metric_decimals,
    metric_title,
    number_text,
    p_text,
    signed_text,
)
from monai_lungxfer.study.report.table import Cell

__all__ = [
    "COMPARED",
    "MEANS",
    "PAPER",
    "TESTS",
    "comparison_cells",
    "interval_cell",
    "mean_cell",
    "metric_cell",
    "number_cell",
    "p_cell",
    "word_cell",
]

COMPARED = ("Difference", "95 % interval of the difference", "p", "Effect")
"""Headings of `comparison_cells`."""

MEANS = (
    "Mean ± standard deviation over repetitions of the mean over images; 95 % intervals by bootstrap over patients and "
    "repetitions. Soft Dice is of predicted values, as in the paper."
)
TESTS = (
    "p: Wilcoxon's signed-rank test over patients, adjusted by Holm for all tests of the table; effect: matched-pairs "
    "rank-biserial correlation, 1 when every patient rises, −1 when every patient falls."
)
PAPER = f"Paper: {SOURCE}."

Row = Mapping[str, Any]


def word_cell(text: str) -> Cell:
    """Return a cell of text, sorted by it."""
    return Cell(text, text)


def number_cell(value: float, digits: int) -> Cell:
    """Return a cell of one number."""
    return Cell(number_text(value, digits), value)


def metric_cell(name: str, unit: str) -> Cell:
    """Return a metric's title with the unit of distances, sorted in the paper's order."""
    return Cell(metric_title(name, unit), f"{TABLE_METRICS.index(name):02d}")


def mean_cell(row: Row, prefix: str = "") -> Cell:
    """Return mean ± standard deviation of a row of `described`."""
    mean, deviation = row[f"{prefix}mean"], row[f"{prefix}sd"]
    return Cell(mean_text(mean, deviation, metric_decimals(row["metric"])), mean)


def interval_cell(row: Row) -> Cell:
    """Return the interval of a row of `described`, sorted by its lower end."""
    return Cell(interval_text(Interval(row["low"], row["high"]), metric_decimals(row["metric"])), row["low"])


def p_cell(row: Row) -> Cell:
    """Return the adjusted p-value."""
    return Cell(p_text(row["p_holm"]), row["p_holm"])


def comparison_cells(row: Row) -> tuple[Cell, ...]:
    """Return difference, its interval, p and effect of a row of `compared`; dashes for what was not compared."""
    reach = Interval(row.get("difference_low", math.nan), row.get("difference_high", math.nan))
    difference, effect = row.get("difference", math.nan), row.get("effect", math.nan)
    digits = metric_decimals(row["metric"])
    return (
        Cell(signed_text(difference, digits), difference),
        Cell(interval_text(reach, digits, signed=True), reach.low),
        p_cell(row),
        Cell(signed_text(effect, 2), effect),
    )
