"""Tables of what is measured beyond the network's grid on the independent half: retention, and the native size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM
from monai_lungxfer.study.report.formatting import metric_decimals, metric_title
from monai_lungxfer.study.report.table import (
    COMPARED,
    TESTS,
    Cell,
    Table,
    comparison_cells,
    number_cell,
    word_cell,
)


def section_tables(analysis: Analysis) -> list[Table]:
    """Return the tables of what the plan asked for."""
    made = ((analysis.retention, retention_table), (analysis.native, native_table))
    return [make(analysis) for numbers, make in made if len(numbers)]


def retention_table(analysis: Analysis) -> Table:
    """Return what the last weights of each arm keep of the donor's and the general stage."""
    return Table(
        "retention",
        "What is kept of the stages before",
        "Dice on the test part of the stage that is named: by the weights of that stage, by the general weights, and "
        "by the last weights of the arm. The difference is the last less the first: below 0, something is forgotten. "
        f"A translator is measured with its new layers; without them, its base keeps everything. {TESTS}",
        ("Arm", "Images of", "Metric", "Its own weights", "General weights", "Last weights", *COMPARED),
        [_retention_cells(analysis, row) for row in analysis.retention.to_dict("records")],
        analysis.retention,
    )


def _retention_cells(analysis: Analysis, row: Mapping[Any, Any]) -> tuple[Cell, ...]:
    question = "stages" if row["arm"] == PAPER_ARM else ARMS[row["arm"]].question
    return (
        word_cell(analysis.results.arm_title(row["arm"], question)),
        word_cell(row["stage"]),
        word_cell(metric_title(row["metric"], "")),
        *(number_cell(row[moment], 4) for moment in ("before", "general", "after")),
        *comparison_cells(row),
    )


def native_table(analysis: Analysis) -> Table:
    """Return the arms at the size of the radiographs, without and with refined borders."""
    results = analysis.results
    return Table(
        "native",
        "At the size of the radiographs",
        "Masks as `lungxfer predict` brings them to the radiograph's own size, against the masks as they were drawn, "
        f"without and with refined borders. The difference is to {results.arm_title(PAPER_ARM, 'sizing')} without, in "
        "the repetitions that both have. A repetition whose network draws no borders has no refined ones, so means may "
        f"be over different repetitions. {TESTS}",
        ("Arm", "Borders", "Repetitions", "Metric", "Mean", *COMPARED),
        [
            (
                word_cell(results.arm_title(row["arm"], "sizing")),
                word_cell("refined" if row["refined"] else "as predicted"),
                number_cell(row["repetitions"], 0),
                word_cell(metric_title(row["metric"], results.distance_unit)),
                number_cell(row["mean"], metric_decimals(row["metric"])),
                *comparison_cells(row),
            )
            for row in analysis.native.to_dict("records")
        ],
        analysis.native,
    )
