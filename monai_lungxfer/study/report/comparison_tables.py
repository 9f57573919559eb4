"""Tables beyond the paper's: before against after with tests, and the arms side by side."""

from __future__ import annotations

import pandas as pd

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM
from monai_lungxfer.study.report.formatting import finding_title, metric_decimals, metric_title
from monai_lungxfer.study.report.table import (
    COMPARED,
    MEANS,
    TESTS,
    Cell,
    Table,
    comparison_cells,
    interval_cell,
    mean_cell,
    metric_cell,
    number_cell,
    word_cell,
)

_BESIDE_DICE = ("HD95", "BRIDGES", "ISLANDS")


def before_after_table(analysis: Analysis) -> Table:
    """Return the independent half before and after the portable stage, with tests, intervals and worst tenths."""
    numbers = _with_moments(analysis)
    cells = [
        (
            Cell(finding_title(row["finding"]), row["finding"]),
            metric_cell(row["metric"], analysis.results.distance_unit),
            mean_cell(row, "before_"),
            mean_cell(row, "after_"),
            *comparison_cells(row),
            number_cell(row["before_worst"], metric_decimals(row["metric"])),
            number_cell(row["after_worst"], metric_decimals(row["metric"])),
        )
        for row in numbers.to_dict("records")
    ]
    return Table(
        "before_after",
        "Independent half, before and after the portable stage",
        f"{MEANS} Worst tenth: mean of the tenth of the images that is worst in a repetition. {TESTS}",
        ("Finding", "Metric", "Before", "After", *COMPARED, "Worst tenth before", "Worst tenth after"),
        cells,
        numbers,
    )


def _with_moments(analysis: Analysis) -> pd.DataFrame:
    """Join the comparison with what it compares."""
    key = ["finding", "metric"]
    numbers = analysis.gains
    for moment, table in analysis.independent.groupby("moment", sort=False):
        renamed = {name: f"{moment}_{name}" for name in table if name not in key}
        numbers = numbers.merge(table.drop(columns="moment").rename(columns=renamed), on=key)
    return numbers


def arms_table(analysis: Analysis) -> Table:
    """Return the arms side by side on the independent half, each compared with the paper's arm in Dice."""
    note = (
        f"{MEANS} The difference is to {ARMS[PAPER_ARM].title}, in the repetitions that "
        f"both have. The CSV has more metrics, which are tests of the same family. {TESTS}"
    )
    worst = ("10th percentile of Dice", "Worst tenth of Dice")
    others = (metric_title(name, analysis.results.distance_unit) for name in _BESIDE_DICE)
    return Table(
        "arms",
        "The arms on the independent half",
        note,
        ("Arm", "Repetitions", "Dice", "95 % interval of Dice", *COMPARED, *worst, *others),
        [_arm_cells(str(arm), table) for arm, table in analysis.arms.groupby("arm", sort=False)],
        analysis.arms,
    )


def _arm_cells(arm: str, table: pd.DataFrame) -> tuple[Cell, ...]:
    rows = {row["metric"]: row for row in table.to_dict("records")}
    dice = rows["DICE"]
    return (
        word_cell(ARMS[arm].title),
        number_cell(dice["repetitions"], 0),
        mean_cell(dice),
        interval_cell(dice),
        *comparison_cells(dice),
        number_cell(dice["tenth"], 4),
        number_cell(dice["worst"], 4),
        *(number_cell(rows[name]["mean"], 2) for name in _BESIDE_DICE),
    )
