"""``lungxfer compare``: two reports of ``lungxfer evaluate``, image by image."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import Json

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.study.analysis.report_comparison import ReportComparison

EXAMPLES = """Examples:

lungxfer evaluate portable --data DIR --section independent

lungxfer evaluate portable --data DIR --section independent --weights general

lungxfer compare runs/portable/independent-HASH.json runs/portable/independent.json"""


def compare(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="A report of lungxfer evaluate.", dir_okay=False)],
    second: Annotated[
        Path, typer.Argument(metavar="SECOND", help="Another; the first is subtracted from it.", dir_okay=False)
    ],
    as_json: Json = False,
) -> None:
    """Compare two reports on the images that both have measured: SECOND less FIRST, with 95 % intervals.

    The intervals are Student's over patients. An interval without 0 shows a difference; one with 0 does not
    prove that there is none.
    """
    from monai_lungxfer.study.analysis.report_comparison import compare_reports, read_evaluation

    found = compare_reports(read_evaluation(first), read_evaluation(second))
    if as_json:
        emit_json(vars(found) | {"metrics": [_without_nan(row) for row in found.metrics.to_dict("records")]})
        return
    console.print(_table(found))
    console.print(_left_out(found), highlight=False, soft_wrap=True)
    for note in found.notes:
        console.print(note, style="yellow", highlight=False, soft_wrap=True)


def _without_nan(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _table(found: ReportComparison) -> Table:
    from rich.table import Table

    title = f"{found.section}: {found.pairs} images of {found.patients} patients in both reports"
    table = Table("metric", title=title)
    for column in ("first", "second", "difference", "95 % interval", "n"):
        table.add_column(column, justify="right")
    for row in map(_without_nan, found.metrics.to_dict("records")):
        unit = "" if row["unit"] is None else f", {row['unit']}"
        reach = "-" if row["low"] is None else f"{row['low']:+.4f} to {row['high']:+.4f}"
        means = ("-" if row[name] is None else f"{row[name]:.4f}" for name in ("first", "second"))
        difference = "-" if row["difference"] is None else f"{row['difference']:+.4f}"
        table.add_row(row["metric"] + unit, *means, difference, reach, str(row["n"]))
    return table


def _left_out(found: ReportComparison) -> str:
    """Say which images are not in the means."""
    counts = {
        "only in the first report": found.only_first,
        "only in the second": found.only_second,
        "with another mask": found.other_masks,
    }
    told = ", ".join(f"{count} {where}" for where, count in counts.items() if count)
    return f"Left out: images {told}" if told else "Every image is in both reports"
