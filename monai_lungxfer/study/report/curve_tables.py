"""Tables of how many training images are enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from monai_lungxfer.metrics.summary import FAILURE
from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.curve import MORE
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.formatting import UNDEFINED, interval_text, metric_title, number_text, signed_text
from monai_lungxfer.study.report.table import Cell, Table, number_cell, word_cell

CURVE_NOTE = (
    "Independent half, in the repetitions in which all numbers of images are done. Means are over repetitions of the "
    "mean over images, with 95 % intervals by bootstrap over patients and repetitions. Trainings have the same number "
    f"of steps: few images are repeated. Failures: share of masks with a Dice below {FAILURE:.2f}. The "
    "difference to all images is not adjusted for the number of comparisons."
)
FIT_NOTE = (
    "Error of masks (1 − Dice) = a · n^−b + c, n training images. Gains: Dice that so many further images would add. "
    "Check: the Dice with all images, predicted by a fit without them. Intervals are of 95 %, over fits to resampled "
    "patients and repetitions. They do not cover that the form may be wrong, so do not trust far predictions."
)


def curve_tables(analysis: Analysis) -> list[Table]:
    """Return the tables; none where the study has no parts of the training images."""
    made = ((analysis.curve, curve_table), (analysis.curve_fits, fit_table), (analysis.choices, choice_table))
    return [make(analysis) for numbers, make in made if len(numbers)]


def curve_table(analysis: Analysis) -> Table:
    """Return Dice, distance and failures by number of images."""
    unit = analysis.results.distance_unit
    columns = ("Dice of masks", "SD of repetitions", "Minus all images", metric_title("HD95", unit), "Failures")
    groups = analysis.curve.groupby(["arm", "choice", "images_trained"], sort=False)
    return Table(
        "curve",
        "How many training images are enough?",
        CURVE_NOTE,
        ("Arm", "Images", "Repetitions", *columns),
        [_curve_cells(analysis, table.to_dict("records")) for _, table in groups],
        analysis.curve,
    )


def _curve_cells(analysis: Analysis, table: list[dict[Any, Any]]) -> tuple[Cell, ...]:
    rows = {row["metric"]: row for row in table}
    dice = rows["DICE_HARD"]
    return (
        word_cell(curve_title(analysis, dice)),
        Cell(f"{dice['images_trained']:.0f}{' (all)' * dice['is_whole']}", dice["images_trained"]),
        number_cell(dice["repetitions"], 0),
        _reaching_cell(dice, "mean", "low", "high", 4),
        number_cell(dice["sd"], 4),
        _reaching_cell(dice, "difference", "difference_low", "difference_high", 4, signed=True),
        _reaching_cell(rows["HD95"], "mean", "low", "high", 1),
        _reaching_cell(rows["FAILED"], "mean", "low", "high", 2),
    )


def curve_title(analysis: Analysis, row: Mapping[Any, Any]) -> str:
    """Return what people call an arm and the choice of its images."""
    return analysis.results.arm_title(row["arm"]) + (", selected images" if row["choice"] == "select" else "")


def fit_table(analysis: Analysis) -> Table:
    """Return the power laws, what they predict, and how well they predicted what is known."""
    gains = tuple(f"{more} more" for more in MORE)
    return Table(
        "curve_fit",
        "What would more training images give?",
        FIT_NOTE,
        ("Arm", "a", "b", "c", *gains, "Check: predicted", "Check: measured"),
        [
            (
                word_cell(curve_title(analysis, row)),
                *(number_cell(row[name], 3) for name in "abc"),
                *(
                    _reaching_cell(row, f"gain_{more}", f"gain_{more}_low", f"gain_{more}_high", 4, signed=True)
                    for more in MORE
                ),
                _reaching_cell(row, "predicted", "predicted_low", "predicted_high", 4),
                number_cell(row.get("measured", math.nan), 4),
            )
            for row in analysis.curve_fits.to_dict("records")
        ],
        analysis.curve_fits,
    )


def choice_table(analysis: Analysis) -> Table:
    """Return selected against random images of the same number."""
    return Table(
        "curve_choices",
        "Selected against random training images",
        "Selected less random, the same number of images, on the independent half, with 95 % intervals of the "
        "difference; not adjusted for the number of comparisons.",
        ("Arm", "Images", "Dice of masks", metric_title("HD95", analysis.results.distance_unit), "Failures"),
        [
            (
                word_cell(analysis.results.arm_title(str(arm))),
                number_cell(float(size), 0),
                *(
                    _reaching_cell(
                        table[table.metric == name].iloc[0].to_dict(),
                        "difference",
                        "difference_low",
                        "difference_high",
                        digits,
                        signed=True,
                    )
                    for name, digits in (("DICE_HARD", 4), ("HD95", 1), ("FAILED", 2))
                ),
            )
            for (arm, size), table in analysis.choices.groupby(["arm", "images_trained"], sort=False)
        ],
        analysis.choices,
    )


def _reaching_cell(
    row: Mapping[Any, Any], value: str, low: str, high: str, digits: int, *, signed: bool = False
) -> Cell:
    """Return a value and its interval; a dash where a row does not have it."""
    number = row.get(value, math.nan)
    if math.isnan(number):
        return Cell(UNDEFINED, math.nan)
    text = (signed_text if signed else number_text)(number, digits)
    return Cell(f"{text} ({interval_text(Interval(row[low], row[high]), digits, signed=signed)})", number)
