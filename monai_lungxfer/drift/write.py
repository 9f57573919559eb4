"""From a comparison to its tables, figures and page."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.drift.comparison import DriftOutcome
from monai_lungxfer.drift.figures import draw_figures
from monai_lungxfer.drift.page import render_page
from monai_lungxfer.drift.tables import make_tables
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import write_text
from monai_lungxfer.utils.locks import lock_output

PAGE, TABLES, FIGURES = "drift.html", "tables", "figures"
"""What is written into the output folder."""


def check_report(out: Path, *, overwrite: bool) -> None:
    """Refuse, by an OutputError, to replace an earlier report unasked."""
    if (out / PAGE).exists() and not overwrite:
        remedy = "Choose another folder, or replace it (--overwrite)"
        raise OutputError("a report is there already", source=out, remedy=remedy)


def write_report(outcome: DriftOutcome, out: Path, *, overwrite: bool = False) -> Path:
    """Write tables, figures and, last, the page, each all or nothing; return the page.

    Raises
    ------
    OutputError
        When there is a report already, unless `overwrite`, or a file cannot be written.
    """
    check_report(out, overwrite=overwrite)
    with lock_output(out):
        (out / PAGE).unlink(missing_ok=True)  # which new tables would contradict
        tables, drawings = list(make_tables(outcome)), list(draw_figures(outcome))
        for table in tables:
            table.write(out / TABLES)
        for drawing in drawings:
            drawing.write(out / FIGURES)
        write_text(out / PAGE, render_page(outcome, tables, drawings))
    return out / PAGE
