"""Tables: numbers for programs (CSV), and the same as people read them (Markdown, LaTeX, HTML)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import pandas as pd

from monai_lungxfer.utils.files import atomic_path

__all__ = ["Cell", "Table"]


# Characters that LaTeX's standard fonts lack.
_LATEX = str.maketrans({"−": "$-$", "±": r"$\pm$", "→": r"$\to$", "–": "--", "<": "$<$"})


class Cell(NamedTuple):
    """One cell: what is read, and what the column is sorted by."""

    text: str
    value: float | str


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes
    ----------
    name : str
        Name of its files without the ending.
    title : str
        One line.
    note : str
        What the columns mean.
    columns : tuple of str
        Headings.
    cells : sequence of tuple of Cell
        The rows as they are read.
    numbers : pandas.DataFrame
        Every number at full precision, for the CSV.
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
        """Write NAME.csv, NAME.md and NAME.tex, each all or nothing.

        Raises
        ------
        OutputError
            When a file cannot be written.
        """
        texts = (self.numbers.to_csv(index=False), self.markdown(), self.latex())
        for suffix, text in zip(self.SUFFIXES, texts, strict=True):
            with atomic_path(Path(folder) / f"{self.name}.{suffix}") as temporary:
                temporary.write_text(text, encoding="utf-8")
