"""Tables: numbers for programs (CSV), and the same as people read them (Markdown, LaTeX, HTML)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pandas as pd

from monai_lungxfer.study.analysis.comparisons import TABLE_METRICS
from monai_lungxfer.study.analysis.paper import SOURCE, paper_spread, paper_value
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.formatting import (
    FEW_IMAGES,
    interval_text,
    mean_text,
    metric_decimals,
    metric_title,
    number_text,
    p_text,
    signed_text,
)
from monai_lungxfer.utils.csv_tables import as_text_cell
from monai_lungxfer.utils.files import atomic_path

COMPARED = ("Difference", "95 % interval of the difference", "p", "Effect")
"""Headings of `comparison_cells`."""

MEANS = (
    "Means are over repetitions of the mean over images. SD of images: standard deviation over the images of a "
    "repetition, mean over repetitions; SD of repetitions: that of their means. 95 % intervals of means by bootstrap "
    "over patients and repetitions. Soft Dice is of predicted values, as in the paper. n: images with a value, counted "
    "in each repetition, where a mean leaves some out."
)
TESTS = (
    "Tested is whether the mean difference would be 0 over other patients and other trainings: its interval leaves 0 "
    "out exactly where the unadjusted p is below 0.05; p here is adjusted by Holm for all tests of the table. Effect: "
    "matched-pairs rank-biserial correlation, 1 when every patient rises, −1 when every patient falls."
)
PAPER = f"Paper: {SOURCE}. It does not say what its standard deviations are over; their size fits images."
FEW = f"Grey: fewer than {FEW_IMAGES} different images (n)."

Row = Mapping[str, Any]

# Characters that LaTeX's standard fonts lack.
_LATEX = str.maketrans({"−": "$-$", "±": r"$\pm$", "→": r"$\to$", "–": "--", "<": "$<$"})


class Cell(NamedTuple):
    """One cell: what is read, what the column is sorted by, and whether it is grey, as of few images."""

    text: str
    value: float | str
    few: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the report, with a title of one line and a note on what the columns mean.

    `name` is that of its files without the ending. The cells are its rows as they are read; the numbers, for the CSV,
    are at full precision.
    """

    SUFFIXES: ClassVar = ("csv", "md", "tex")

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    cells: Sequence[tuple[Cell, ...]]
    numbers: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """Return the table as it is read."""
        return pd.DataFrame([[cell.text for cell in row] for row in self.cells], columns=list(self.columns))

    def markdown(self) -> str:
        """Return the table as Markdown."""
        rows = [self.columns, ["---"] * len(self.columns), *([cell.text for cell in row] for row in self.cells)]
        lines = ("| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows)
        return "\n".join((f"**{self.title}**", "", *lines, "", self.note)) + "\n"

    def latex(self) -> str:
        """Return the table as LaTeX, for the package booktabs."""
        caption = f"{self.title}. {self.note}".replace("%", r"\%")
        text = self.shown().to_latex(
            index=False, escape=True, caption=caption, label=f"tab:{self.name}", position="htb"
        )
        return text.translate(_LATEX)

    def write(self, folder: str | Path) -> None:
        """Write NAME.csv, NAME.md and NAME.tex, each all or nothing."""
        texts = (self.numbers.map(as_text_cell).to_csv(index=False), self.markdown(), self.latex())
        for suffix, text in zip(self.SUFFIXES, texts, strict=True):
            with atomic_path(Path(folder) / f"{self.name}.{suffix}") as temporary:
                temporary.write_text(text, encoding="utf-8")


def word_cell(text: str) -> Cell:
    """Return a cell of text, sorted by it."""
    return Cell(text, text)


def number_cell(value: float, digits: int) -> Cell:
    """Return a cell of one number."""
    return Cell(number_text(value, digits), value)


def metric_cell(name: str, unit: str) -> Cell:
    """Return a metric's title with the unit of distances, sorted in the paper's order."""
    return Cell(metric_title(name, unit), f"{TABLE_METRICS.index(name):02d}")


def mean_cell(row: Row, prefix: str = "", *, digits: int | None = None, spread: bool = True) -> Cell:
    """Return mean ± standard deviation over images of a row of `describe_rows`, and n where images are left out.

    Without `spread`, it is the mean alone; `digits` are those of the metric by default.
    """
    mean, values, measured = (row[f"{prefix}{name}"] for name in ("mean", "values", "measured"))
    deviation = row[f"{prefix}sd_images"] if spread else math.nan
    text = mean_text(mean, deviation, metric_decimals(row["metric"]) if digits is None else digits)
    return Cell(text if values == measured else f"{text} (n = {values:.0f} of {measured:.0f})", mean)


def spread_cell(row: Row, prefix: str = "") -> Cell:
    """Return the standard deviation over repetitions of a row of `describe_rows`."""
    return number_cell(row[f"{prefix}sd"], metric_decimals(row["metric"]))


def paper_cell(table: str, quantity: str, finding: str = "all") -> Cell:
    """Return mean ± standard deviation of the paper."""
    value = paper_value(table, quantity, finding)
    return Cell(mean_text(value, paper_spread(table, quantity, finding)), value)


def grey_out(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return cells of few images."""
    return tuple(cell._replace(few=True) for cell in cells)


def interval_cell(row: Row) -> Cell:
    """Return the interval of a row of `describe_rows`, sorted by its lower end."""
    return Cell(interval_text(Interval(row["low"], row["high"]), metric_decimals(row["metric"])), row["low"])


def p_cell(row: Row) -> Cell:
    """Return the adjusted p-value."""
    return Cell(p_text(row["p_holm"]), row["p_holm"])


def comparison_cells(row: Row) -> tuple[Cell, ...]:
    """Return difference, its interval, p and effect of a row of `compare_rows`; dashes for what was not compared."""
    reach = Interval(row.get("difference_low", math.nan), row.get("difference_high", math.nan))
    difference, effect = row.get("difference", math.nan), row.get("effect", math.nan)
    digits = metric_decimals(row["metric"])
    return (
        Cell(signed_text(difference, digits), difference),
        Cell(interval_text(reach, digits, signed=True), reach.low),
        p_cell(row),
        Cell(signed_text(effect, 2), effect),
    )
