"""What `predict` prints at its end: how many radiographs have masks, flags and remarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from monai_lungxfer.cli.console import console

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.inference.tables import Prediction


def summarise(predictions: Sequence[Prediction], model: str, out: Path) -> None:
    """Print how many radiographs have masks, flags and remarks; where the results are; and of which model."""
    from monai_lungxfer.inference.overlay import NOTICE

    console.print(summary_table(predictions))
    typer.echo(f"Results: {out}\nModel: {model}")
    typer.echo(NOTICE)


def summary_table(predictions: Sequence[Prediction]) -> Table:
    """Return the table of counts that `summarise` prints."""
    from rich.table import Table

    from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
    from monai_lungxfer.inference.quality import FLAGS

    statuses = Counter(prediction.status for prediction in predictions)
    flags = Counter(flag for prediction in predictions for flag in prediction.flags)
    table = Table("what", "radiographs", "meaning", box=None)
    table.add_row("segmented", str(statuses["done"]), "")
    table.add_row("skipped", str(statuses["skipped"]), "could not be read, or refused: see predictions.csv")
    table.add_row(
        "left out",
        str(statuses["left out"]),
        "no frontal chest radiograph (--any-view), or for the reason in predictions.csv",
    )
    table.add_row("flagged", str(sum(bool(prediction.flags) for prediction in predictions)), "")
    for flag, meaning in FLAGS.items():
        if flags[flag]:
            table.add_row(f"  {flag}", str(flags[flag]), meaning)
    # Apart, since objects are frequent at the bedside, and would hide how many files were not read as they say.
    if remarked := sum(bool({*prediction.remarks} - {FOREIGN_OBJECT}) for prediction in predictions):
        table.add_row("with remarks", str(remarked), "on how the file was read, see predictions.csv")
    if with_objects := sum(FOREIGN_OBJECT in prediction.remarks for prediction in predictions):
        table.add_row("with objects", str(with_objects), "over or near the lungs, also a remark in predictions.csv")
    return table
