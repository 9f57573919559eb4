"""From the units of a trial to its tables, figures and page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.figures import draw_figures
from monai_lungxfer.robustness.measuring import PAIR_FACTS
from monai_lungxfer.robustness.outcome import FACTS, VALUES, Collector, TrialOutcome
from monai_lungxfer.robustness.page import render_page
from monai_lungxfer.robustness.tables import make_tables
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.table import Table
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.files import write_text

PAIRS, IMAGES, PAGE = "pairs.csv", "images.csv", "report.html"

_PARTS = {
    "tables": (Table.SUFFIXES, ("summary", "compared", "observed")),
    "figures": (Drawing.SUFFIXES, ("by_object", "by_dose", "observed")),
}

RESULTS = (
    *(PAIRS, IMAGES, PAGE),
    *(f"{folder}/{name}.{end}" for folder, (ends, names) in _PARTS.items() for name in names for end in ends),
)
"""All that a trial may write, relative to its folder, besides its journal."""

TOLD = tuple(name for name in RESULTS if name not in (PAIRS, IMAGES))
"""Those without names of images, which others may see."""


def list_metrics(outcome: TrialOutcome) -> dict[str, float]:
    """Return the mean change of Dice by weights, object and dose, under the name of each."""
    rows = outcome.drawn[outcome.drawn.metric == "DICE_HARD"].itertuples()
    return {f"DICE_HARD_change/{row.weights}/{row.object}/{row.dose:g}": float(row.change) for row in rows}


def write_results(
    units: Iterator[Mapping[str, Any]], folder: Path, design: Design, weights: Sequence[str], skipped: int = 0
) -> TrialOutcome:
    """Write `RESULTS`, each all or nothing, and return the numbers.

    `pairs.csv` has a row for each pair, and is written as units pass by; `images.csv` has one for each image and set of
    weights without drawn objects. `skipped` units are missing.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    collector = Collector()
    write_rows(folder / PAIRS, (*FACTS, *PAIR_FACTS, *VALUES), collector.take(units))
    outcome = collector.finish(design, weights)
    plain = outcome.plain.rename(columns={"share": "marked_share"}).astype(object)
    plain = plain.where(plain.notna(), None)
    write_rows(folder / IMAGES, [str(name) for name in plain], plain.to_dict("records"))
    tables, drawings = list(make_tables(outcome)), list(draw_figures(outcome))
    for table in tables:
        table.write(folder / "tables")
    for drawing in drawings:
        drawing.write(folder / "figures")
    write_text(folder / PAGE, render_page(outcome, tables, drawings, skipped))
    return outcome
