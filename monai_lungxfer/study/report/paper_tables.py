"""Tables of times beside the paper's, and of all that the paper tells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.paper import TIMES, paper_figures, paper_spread, paper_value
from monai_lungxfer.study.plan.arms import STEPS
from monai_lungxfer.study.report.formatting import finding_title, mean_text
from monai_lungxfer.study.report.table import PAPER, Cell, Table, number_cell, word_cell

_TIMES = {
    "training_ms": ("Training epoch, ms", 0),
    "validation_ms": ("Validation epoch, ms", 0),
    "epochs": ("Epochs", 1),
    "seconds": ("A repetition, s", 1),
    "network_ms": ("Network pass an image, ms", 2),
}


def times_table(analysis: Analysis) -> Table:
    """Return Table 7: times, the paper's in rows of their own; a step that was neither trained nor timed has none."""
    timed = analysis.times.dropna(subset=["seconds_mean", "network_ms_mean"], how="all")
    return Table(
        "table7_times",
        "Times (the paper's Table 7 and section 4.3)",
        "Mean ± standard deviation: of epochs over those of all repetitions, of a network pass over the images of the "
        "independent halves, each passed alone, and of a repetition over repetitions. Ours are of the machine of this "
        f"study; the paper's are of an RTX 2080 Ti, its passes of 300 images. {PAPER}",
        ("Step", "Repetitions", *(title for title, _ in _TIMES.values()), "Images passed"),
        [
            *(_times_cells(analysis, row) for row in timed.to_dict("records")),
            *map(_paper_times, ("general", "portable")),
        ],
        timed,
    )


def _times_cells(analysis: Analysis, row: Mapping[Any, Any]) -> tuple[Cell, ...]:
    times = (
        Cell(mean_text(row[f"{name}_mean"], row[f"{name}_sd"], digits), row[f"{name}_mean"])
        for name, (_, digits) in _TIMES.items()
    )
    step = word_cell(analysis.results.step_title(row["step"]))
    return step, number_cell(row["repetitions"], 0), *times, number_cell(row["images"], 0)


def _paper_times(stage: str) -> tuple[Cell, ...]:
    epochs, text = TIMES

    def cell(table: str, quantity: str, digits: int, stage: str = stage, unit: float = 1) -> Cell:
        mean, deviation = (find(table, quantity, stage=stage) / unit for find in (paper_value, paper_spread))
        return Cell(mean_text(mean, deviation, digits), mean)

    return (
        word_cell(f"{STEPS[stage].title}, paper"),
        number_cell(25, 0),
        cell(epochs, "training epoch, ms", 0),
        cell(epochs, "validation epoch, ms", 0),
        number_cell(math.nan, 0),
        cell(text, "repetition, ms", 1, unit=1000),
        cell(text, "network pass, ms", 3, stage="both"),
        number_cell(300, 0),
    )


def paper_table() -> Table:
    """Return the paper's figures."""
    numbers: pd.DataFrame = paper_figures()
    cells = [
        (
            word_cell(row["table"]),
            word_cell(row["stage"]),
            word_cell(finding_title(row["finding"])),
            word_cell(row["quantity"]),
            Cell(f"{row['value']:.10g}", row["value"]),
            Cell(f"{row['sd']:.10g}", row["sd"]),
        )
        for row in numbers.to_dict("records")
    ]
    columns = ("Table", "Weights", "Finding", "Quantity", "Mean", "SD")
    return Table("paper", "The paper's figures", PAPER, columns, cells, numbers)
