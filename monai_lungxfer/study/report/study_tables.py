"""Every table of a report: before against after, the arms, and the paper's Tables 3 to 7 next to its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.paper import (
    MOMENT_TABLES,
    STAGE_TEST_TABLES,
    paper_spread,
    paper_value,
)
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM, QUESTIONS
from monai_lungxfer.study.report.curve_tables import curve_tables
from monai_lungxfer.study.report.formatting import (
    FEW_IMAGES,
    finding_title,
    metric_decimals,
    metric_title,
)
from monai_lungxfer.study.report.paper_tables import paper_table, times_table
from monai_lungxfer.study.report.section_tables import section_tables
from monai_lungxfer.study.report.table import (
    COMPARED,
    FEW,
    MEANS,
    PAPER,
    TESTS,
    Cell,
    Table,
    comparison_cells,
    grey_out,
    interval_cell,
    mean_cell,
    metric_cell,
    number_cell,
    p_cell,
    paper_cell,
    spread_cell,
    word_cell,
)

_BESIDE_DICE = ("HD95", "BRIDGES", "ISLANDS")


def before_after_table(analysis: Analysis) -> Table:
    """Return the independent half before and after the portable stage, with tests, intervals and worst tenths."""
    numbers = _with_moments(analysis)
    return Table(
        "before_after",
        "Independent half, before and after the portable stage",
        f"{MEANS} Worst tenth: mean of the tenth of the images that is worst in a repetition. {TESTS} {FEW}",
        (
            "Finding",
            "Metric",
            *(f"{moment} {what}" for moment in ("Before", "After") for what in ("± SD of images", "SD of repetitions")),
            *COMPARED,
            "Worst tenth before",
            "Worst tenth after",
        ),
        [_moment_cells(row, analysis.results.distance_unit) for row in numbers.to_dict("records")],
        numbers,
    )


def _moment_cells(row: Mapping[Any, Any], unit: str) -> tuple[Cell, ...]:
    finding, number = row["finding"], row["after_images"]
    few = number < FEW_IMAGES
    cells = (
        Cell(finding_title(finding) + (f" (n = {number:.0f})" if few else ""), finding),
        metric_cell(row["metric"], unit),
        *(make(row, f"{moment}_") for moment in ("before", "after") for make in (mean_cell, spread_cell)),
        *comparison_cells(row),
        number_cell(row["before_worst"], metric_decimals(row["metric"])),
        number_cell(row["after_worst"], metric_decimals(row["metric"])),
    )
    return grey_out(cells) if few else cells


def _with_moments(analysis: Analysis) -> pd.DataFrame:
    """Join the comparison with what it compares."""
    key = ["finding", "metric"]
    numbers = analysis.gains
    for moment, table in analysis.independent.groupby("moment", sort=False):
        renamed = {name: f"{moment}_{name}" for name in table if name not in key}
        numbers = numbers.merge(table.drop(columns="moment").rename(columns=renamed), on=key)
    return numbers


def arms_table(analysis: Analysis, question: str) -> Table:
    """Return the arms that answer a question, side by side on the independent half, against the paper's in Dice."""
    results = analysis.results
    note = (
        f"{MEANS} The difference is to {results.arm_title(PAPER_ARM, question)}, in the repetitions that "
        f"both have. The CSV has more metrics, which are tests of the same family. {TESTS}"
    )
    dice = ("Dice ± SD of images", "SD of repetitions", "95 % interval of Dice")
    worst = ("10th percentile of Dice", "Worst tenth of Dice")
    others = (metric_title(name, results.distance_unit) for name in _BESIDE_DICE)
    rows = analysis.arms[question]
    return Table(
        f"arms_{question}",
        f"{QUESTIONS[question].title} The arms on the independent half",
        note,
        ("Arm", "Repetitions", *dice, *COMPARED, *worst, *others),
        [_arm_cells(results.arm_title(str(arm), question), table) for arm, table in rows.groupby("arm", sort=False)],
        rows,
    )


def _arm_cells(title: str, table: pd.DataFrame) -> tuple[Cell, ...]:
    rows = {row["metric"]: row for row in table.to_dict("records")}
    dice = rows["DICE"]
    return (
        word_cell(title),
        number_cell(dice["repetitions"], 0),
        mean_cell(dice),
        spread_cell(dice),
        interval_cell(dice),
        *comparison_cells(dice),
        number_cell(dice["tenth"], 4),
        number_cell(dice["worst"], 4),
        *(mean_cell(rows[name], digits=2, spread=False) for name in _BESIDE_DICE),
    )


def stage_test_table(analysis: Analysis, stage: str) -> Table:
    """Return Table 3 ("general") or 4 ("portable"): the stage's own test part, with the arms side by side."""
    number, numbers = STAGE_TEST_TABLES[stage], analysis.stage_tests[stage]
    numbers = numbers.assign(
        paper=[paper_value(number, name) for name in numbers.metric],
        paper_sd=[paper_spread(number, name) for name in numbers.metric],
    )
    titles = [analysis.results.arm_title(arm) for arm in numbers.arm.unique()]
    if stage == "general":
        titles[0] = ARMS["general_only"].title
    cells = [
        _test_cells(analysis, number, table.to_dict("records")) for _, table in numbers.groupby("metric", sort=False)
    ]
    ours = (f"{titles[0]} ± SD of images", "SD of repetitions", "95 % interval")
    others = (word for title in titles[1:] for word in (f"{title} ± SD of images", "p"))
    return Table(
        f"table{number}_{stage}_test",
        f"Test part of the {stage} stage (the paper's Table {number})",
        f"{MEANS} {TESTS} Tests are against {titles[0]}. {PAPER}",
        ("Metric", "Paper ± SD", *ours, *others),
        cells,
        numbers,
    )


def _test_cells(analysis: Analysis, number: str, arms: list[dict[Any, Any]]) -> tuple[Cell, ...]:
    ours, *others = arms
    first = (
        metric_cell(ours["metric"], analysis.results.distance_unit),
        paper_cell(number, ours["metric"]),
        mean_cell(ours),
        spread_cell(ours),
        interval_cell(ours),
    )
    return first + tuple(cell for other in others for cell in (mean_cell(other), p_cell(other)))


def independent_table(analysis: Analysis, moment: str) -> Table:
    """Return Table 5 ("before" the portable stage) or 6 ("after" it): the independent half by finding."""
    number = MOMENT_TABLES[moment]
    numbers = analysis.independent[analysis.independent.moment == moment]
    known = list(zip(numbers.metric, numbers.finding, strict=True))
    numbers = numbers.assign(
        paper=[paper_value(number, *one) for one in known], paper_sd=[paper_spread(number, *one) for one in known]
    )
    by_finding = {str(finding): table for finding, table in numbers.groupby("finding", sort=False)}
    in_paper = {finding: bool(table.paper.notna().any()) for finding, table in by_finding.items()}
    columns = ["Metric"]
    for finding, table in by_finding.items():
        title = finding_title(finding)
        columns += [f"{title} ({table.images.max()}) ± SD of images", f"{title}, SD of repetitions"]
        columns += [f"Paper, {title} ± SD"] * in_paper[finding]
    cells = []
    for name, table in numbers.groupby("metric", sort=False):
        row = [metric_cell(str(name), analysis.results.distance_unit)]
        for one in table.to_dict("records"):
            ours = (mean_cell(one), spread_cell(one))
            row += grey_out(ours) if by_finding[one["finding"]].images.max() < FEW_IMAGES else ours
            row += [paper_cell(number, str(name), one["finding"])] * in_paper[one["finding"]]
        cells.append(tuple(row))
    title = f"Independent half {moment} the portable stage, by finding (the paper's Table {number})"
    note = f"In brackets the number of different images. {MEANS} {FEW} {PAPER}"
    return Table(f"table{number}_{moment}", title, note, tuple(columns), cells, numbers)


def study_tables(analysis: Analysis) -> list[Table]:
    """Return every table, the most telling first."""
    return [
        before_after_table(analysis),
        *(arms_table(analysis, question) for question in analysis.arms),
        *curve_tables(analysis),
        *section_tables(analysis),
        *(stage_test_table(analysis, stage) for stage in analysis.stage_tests),
        *(independent_table(analysis, moment) for moment in MOMENT_TABLES),
        times_table(analysis),
        paper_table(),
    ]
