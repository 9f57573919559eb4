"""The tables of a trial, as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from monai_lungxfer.robustness.figures import METRIC_TITLES, object_title
from monai_lungxfer.robustness.measuring import ATTRIBUTIONS, INSIDE, OUTSIDE
from monai_lungxfer.robustness.observed import INSIDE_LESS_OUTSIDE
from monai_lungxfer.robustness.outcome import TrialOutcome
from monai_lungxfer.study.analysis.statistics import FEWEST_PATIENTS, Interval
from monai_lungxfer.study.report.formatting import FEW_IMAGES, interval_text, signed_text
from monai_lungxfer.study.report.table import Cell, Table, grey_out, number_cell, word_cell

_DIGITS = 3
_FEW = f"Grey: fewer than {FEW_IMAGES} images or {FEWEST_PATIENTS} patients."
_INTERVAL = "In brackets 95 % intervals of a bootstrap over patients."
_CHANGES = (
    *("DICE_HARD", "DICE_CLEANED", "BIOU", "NSD_D1", INSIDE, OUTSIDE, "ISLANDS", "BRIDGES", "FUSED"),
    *ATTRIBUTIONS.values(),
)


def make_tables(outcome: TrialOutcome) -> Iterator[Table]:
    """Yield the tables that the outcome has numbers for, the most telling first."""
    yield _drawn_table(outcome)
    if not outcome.compared.empty:
        yield _compared_table(outcome)
    if not outcome.observed.empty:
        yield _observed_table(outcome)


def _change_cell(mean: float, low: float, high: float) -> Cell:
    return Cell(f"{signed_text(mean, _DIGITS)} ({interval_text(Interval(low, high), _DIGITS, signed=True)})", mean)


def _grey(cells: tuple[Cell, ...], images: int, patients: int) -> tuple[Cell, ...]:
    return grey_out(cells) if images < FEW_IMAGES or patients < FEWEST_PATIENTS else cells


def _drawn_table(outcome: TrialOutcome) -> Table:
    cells, shown = [], [name for name in _CHANGES if (outcome.drawn.metric == name).any()]
    for (weights, object_, dose), rows in outcome.drawn.groupby(["weights", "object", "dose"], sort=False):
        by_metric = rows.set_index("metric")
        dice = by_metric.loc["DICE_HARD"]
        changes = (_change_cell(*by_metric.loc[name, ["change", "low", "high"]]) for name in shown)
        row = (
            word_cell(weights),
            word_cell(object_title(object_)),
            Cell(f"{dose:g}", dose),
            number_cell(dice.without, _DIGITS),
            *changes,
            number_cell(dice.worst_tenth, _DIGITS),
            number_cell(dice.images, 0),
        )
        cells.append(_grey(row, dice.images, dice.patients))
    titles = [METRIC_TITLES[name] for name in shown]
    return Table(
        "summary",
        "Drawn objects: change of each metric",
        "Change: with objects less without, mean over images of means over draws. Above 0 is better, except of "
        f"islands, bridges and fused lungs. {_INTERVAL} Worst tenth: mean change of Dice of the tenth of images that "
        f"lose most. Dice under objects is of images with lung there. Integrated gradients, Seg-Grad-CAM: the objects' "
        f"share of attribution over their share of the area, measured on request. {_FEW}",
        ("Weights", "Object", "Dose", "Dice without", *titles, "Dice, worst tenth", "Images"),
        cells,
        outcome.drawn,
    )


def _compared_table(outcome: TrialOutcome) -> Table:
    first = outcome.weights[0]
    cells = [
        _grey(
            (
                word_cell(row.weights),
                word_cell(object_title(row.object)),
                Cell(f"{row.dose:g}", row.dose),
                _change_cell(row.mean, row.low, row.high),
                number_cell(row.images, 0),
            ),
            row.images,
            row.patients,
        )
        for row in _named_rows(outcome.compared)
    ]
    return Table(
        "compared",
        f"Change of Dice, less that of {first}",
        f"On the same images and objects. Above 0, the weights lose less than {first}. {_INTERVAL} {_FEW}",
        ("Weights", "Object", "Dose", "Difference", "Images"),
        cells,
        outcome.compared,
    )


def _observed_table(outcome: TrialOutcome) -> Table:
    cells = [
        _grey(
            (
                word_cell(row.weights),
                word_cell(METRIC_TITLES.get(row.metric, "Dice under the marks, and elsewhere")),
                number_cell(row.without, _DIGITS),
                number_cell(row.with_marks, _DIGITS),
                _change_cell(row.difference, row.low, row.high),
                number_cell(row.marked, 0),
                number_cell(row.matches, 0),
            ),
            row.marked,
            row.patients,
        )
        for row in _named_rows(outcome.observed.rename(columns={"with": "with_marks"}))
    ]
    return Table(
        "observed",
        "Images whose annotators marked objects, against matched ones",
        "Matched: of the same finding, view and source, without marks. Dice under the marks "
        f"({INSIDE_LESS_OUTSIDE} in the CSV) is compared with the rest of the same images. {_INTERVAL} {_FEW}",
        ("Weights", "Metric", "Without marks", "With marks", "Difference", "Marked images", "Matched images"),
        cells,
        outcome.observed,
    )


def _named_rows(table: pd.DataFrame) -> Iterator[Any]:
    return table.itertuples(index=False)
