"""Every table of a report: before against after, the arms, and the paper's Tables 3 to 7 next to its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.paper import MOMENT_TABLES, STAGE_TEST_TABLES, paper_figures, paper_value
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM, STEPS
from monai_lungxfer.study.report.formatting import finding_title, mean_text, metric_decimals, metric_title
from monai_lungxfer.study.report.table import (
    COMPARED,
    MEANS,
    PAPER,
    TESTS,
    Cell,
    Table,
    comparison_cells,
    interval_cell,
    mean_cell,
    metric_cell,
    number_cell,
    p_cell,
    word_cell,
)

_BESIDE_DICE = ("HD95", "BRIDGES", "ISLANDS")
_TIMES = {
    "training_ms": ("Training epoch, ms", 0),
    "validation_ms": ("Validation epoch, ms", 0),
    "epochs": ("Epochs", 1),
    "seconds": ("A repetition, s", 1),
    "network_ms": ("Network pass an image, ms", 2),
}


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
        *(mean_cell(rows[name], digits=2, spread=False) for name in _BESIDE_DICE),
    )


def stage_test_table(analysis: Analysis, stage: str) -> Table:
    """Return Table 3 ("general") or 4 ("portable"): the stage's own test part, with the arms side by side."""
    number, numbers = STAGE_TEST_TABLES[stage], analysis.stage_tests[stage]
    numbers = numbers.assign(paper=[paper_value(number, name) for name in numbers.metric])
    titles = [ARMS[arm].title for arm in numbers.arm.unique()]
    if stage == "general":
        titles[0] = ARMS["general_only"].title
    cells = [_test_cells(analysis, table.to_dict("records")) for _, table in numbers.groupby("metric", sort=False)]
    return Table(
        f"table{number}_{stage}_test",
        f"Test part of the {stage} stage (the paper's Table {number})",
        f"{MEANS} {TESTS} Tests are against {titles[0]}. {PAPER}",
        ("Metric", "Paper", titles[0], "95 % interval", *(word for title in titles[1:] for word in (title, "p"))),
        cells,
        numbers,
    )


def _test_cells(analysis: Analysis, arms: list[dict[Any, Any]]) -> tuple[Cell, ...]:
    ours, *others = arms
    first = (
        metric_cell(ours["metric"], analysis.results.distance_unit),
        number_cell(ours["paper"], 4),
        mean_cell(ours),
        interval_cell(ours),
    )
    return first + tuple(cell for other in others for cell in (mean_cell(other), p_cell(other)))


def independent_table(analysis: Analysis, moment: str) -> Table:
    """Return Table 5 ("before" the portable stage) or 6 ("after" it): the independent half by finding."""
    number = MOMENT_TABLES[moment]
    numbers = analysis.independent[analysis.independent.moment == moment]
    numbers = numbers.assign(
        paper=[
            paper_value(number, metric, finding)
            for metric, finding in zip(numbers.metric, numbers.finding, strict=True)
        ]
    )
    by_finding = {str(finding): table for finding, table in numbers.groupby("finding", sort=False)}
    in_paper = {finding: bool(table.paper.notna().any()) for finding, table in by_finding.items()}
    columns = ["Metric"]
    for finding, table in by_finding.items():
        columns.append(f"{finding_title(finding)} ({table.images.max()})")
        columns += [f"Paper, {finding_title(finding)}"] * in_paper[finding]
    cells = []
    for name, table in numbers.groupby("metric", sort=False):
        row = [metric_cell(str(name), analysis.results.distance_unit)]
        for one in table.to_dict("records"):
            row += [mean_cell(one), *[number_cell(one["paper"], 4)] * in_paper[one["finding"]]]
        cells.append(tuple(row))
    title = f"Independent half {moment} the portable stage, by finding (the paper's Table {number})"
    note = (
        f"In brackets the number of different images. {MEANS} Of the paper's table, Dice alone is known here. {PAPER}"
    )
    return Table(f"table{number}_{moment}", title, note, tuple(columns), cells, numbers)


def times_table(analysis: Analysis) -> Table:
    """Return Table 7: times, the paper's in rows of their own."""
    return Table(
        "table7_times",
        "Times (the paper's Table 7)",
        "Mean ± standard deviation over repetitions, on the machine of this study; the paper's are of an RTX 2080 Ti. "
        f"{PAPER}",
        ("Step", "Repetitions", *(title for title, _ in _TIMES.values())),
        [*map(_times_cells, analysis.times.to_dict("records")), *map(_paper_times, ("general", "portable"))],
        analysis.times,
    )


def _times_cells(row: Mapping[Any, Any]) -> tuple[Cell, ...]:
    times = (
        Cell(mean_text(row[f"{name}_mean"], row[f"{name}_sd"], digits), row[f"{name}_mean"])
        for name, (_, digits) in _TIMES.items()
    )
    return word_cell(STEPS[row["step"]].title), number_cell(row["repetitions"], 0), *times


def _paper_times(stage: str) -> tuple[Cell, ...]:
    unknown = number_cell(math.nan, 0)
    return (
        word_cell(f"{STEPS[stage].title}, paper"),
        number_cell(25, 0),
        number_cell(paper_value(7, "training epoch, ms", stage=stage), 0),
        number_cell(paper_value(7, "validation epoch, ms", stage=stage), 0),
        unknown,
        unknown,
        number_cell(paper_value(7, "network pass, ms", stage="both"), 3),
    )


def paper_table() -> Table:
    """Return the paper's figures as they are kept here."""
    numbers: pd.DataFrame = paper_figures()
    cells = [
        (
            Cell(str(row["table"]), row["table"]),
            word_cell(row["stage"]),
            word_cell(finding_title(row["finding"])),
            word_cell(row["quantity"]),
            Cell(f"{row['value']:g}", row["value"]),
        )
        for row in numbers.to_dict("records")
    ]
    columns = ("Table", "Weights", "Finding", "Quantity", "Value")
    return Table("paper", "The paper's figures, as far as they are known here", PAPER, columns, cells, numbers)


def study_tables(analysis: Analysis) -> list[Table]:
    """Return every table, the most telling first."""
    return [
        before_after_table(analysis),
        *([arms_table(analysis)] if len(analysis.results.arms) > 1 else []),
        *(stage_test_table(analysis, stage) for stage in STAGE_TEST_TABLES),
        *(independent_table(analysis, moment) for moment in MOMENT_TABLES),
        times_table(analysis),
        paper_table(),
    ]
