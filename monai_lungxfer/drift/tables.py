"""The tables of a comparison, as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from monai_lungxfer.drift.comparison import LEAST_IMAGES, LEAST_RATE, LEAST_SHIFT, SIGNIFICANT, DriftOutcome
from monai_lungxfer.drift.samples import TITLES
from monai_lungxfer.study.report.formatting import p_text
from monai_lungxfer.study.report.table import Cell, Table, number_cell, word_cell

_DRIFTED = f"Drifted: p below {SIGNIFICANT:g}, adjusted by Holm for all rows of both tables, and"
_FEW = f"A dash: fewer than {LEAST_IMAGES} radiographs on one side."


def make_tables(outcome: DriftOutcome) -> Iterator[Table]:
    """Yield the tables that there are numbers for."""
    if len(outcome.numbers):
        yield _numbers_table(outcome)
    if len(outcome.rates):
        yield _rates_table(outcome)


def _numbers_table(outcome: DriftOutcome) -> Table:
    rows: list[Any] = list(outcome.numbers.itertuples())
    cells = [
        (
            word_cell(TITLES[row.name]),
            number_cell(row.n_reference, 0),
            number_cell(row.n_new, 0),
            _median_cell(row.median_reference),
            _median_cell(row.median_new),
            number_cell(row.distance, 2),
            Cell(p_text(row.p_holm), row.p_holm),
            number_cell(row.psi, 2),
            number_cell(row.psi_by_chance, 2),
            word_cell("yes" if row.drifted else "no"),
        )
        for row in rows
    ]
    return Table(
        "numbers",
        "Numbers of each radiograph",
        "Distance: of Kolmogorov and Smirnov, the largest gap between the two cumulative distributions. "
        "PSI: population stability index; by chance: 95 % of indices without a shift are below. "
        f"{_DRIFTED} a distance of {LEAST_SHIFT:g} or more. {_FEW}",
        (
            "Number",
            "n, reference",
            "n, new",
            "Median, reference",
            "new",
            "Distance",
            "p",
            "PSI",
            "by chance",
            "Drifted",
        ),
        cells,
        outcome.numbers,
    )


def _median_cell(value: float) -> Cell:
    return Cell(f"{value:.3g}", value)


def _rates_table(outcome: DriftOutcome) -> Table:
    rows: list[Any] = list(outcome.rates.itertuples())
    cells = [
        (
            word_cell(row.name),
            number_cell(row.n_reference, 0),
            number_cell(row.n_new, 0),
            Cell(f"{100 * row.rate_reference:.1f} %", row.rate_reference),
            Cell(f"{100 * row.rate_new:.1f} %", row.rate_new),
            Cell(p_text(row.p_holm), row.p_holm),
            word_cell("yes" if row.drifted else "no"),
        )
        for row in rows
    ]
    return Table(
        "rates",
        "Flags, and files that were not segmented",
        f"p: Fisher's exact test. {_DRIFTED} a difference of {100 * LEAST_RATE:g} percentage points or more. {_FEW}",
        ("Flag", "n, reference", "n, new", "Rate, reference", "Rate, new", "p", "Drifted"),
        cells,
        outcome.rates,
    )
