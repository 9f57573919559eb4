"""The command `drift`: whether what a device sends has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Json, Overwrite
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL, EXIT_UNDECIDED

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.drift.comparison import DriftOutcome
    from monai_lungxfer.drift.samples import PredictionSample

EXAMPLES = """Examples:

lungxfer drift january june -o report

lungxfer drift january june --reference-images in/january --new-images in/june -o report"""

_PLACE = "Output folder of lungxfer predict, its predictions.csv, or the spool of a DICOM node."


def drift(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help=_PLACE)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, of the radiographs in question.")],
    out: Annotated[
        Path | None, typer.Option(*OUT, help="Folder for the report.", file_okay=False, show_default="no report")
    ] = None,
    reference_images: Annotated[
        Path | None,
        typer.Option("--reference-images", metavar="DIR", help="Also compare grey values: radiographs of REFERENCE."),
    ] = None,
    new_images: Annotated[
        Path | None, typer.Option("--new-images", metavar="DIR", help="The radiographs of NEW.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compare new predictions with a reference set: areas, confidence, flags, and grey values of the images.

    Take one radiograph of each patient: several of the same cause false alarms.
    Exit code 0: no drift found. 1: drift. 5: too few radiographs to judge.
    Writes drift.html, tables/ and figures/ with --out. For research only: this is not a medical device.
    """
    if (reference_images is None) != (new_images is None):
        raise typer.BadParameter("--reference-images and --new-images belong together")
    from monai_lungxfer.drift.comparison import DriftVerdict, compare_samples
    from monai_lungxfer.drift.write import check_report, write_report

    if out is not None:
        check_report(out, overwrite=overwrite)
    outcome = compare_samples(_read(reference, reference_images), _read(new, new_images))
    page = None if out is None else write_report(outcome, out.absolute(), overwrite=overwrite)
    _show(outcome, page, as_json)
    codes = {DriftVerdict.DRIFT: EXIT_PARTIAL, DriftVerdict.UNDECIDED: EXIT_UNDECIDED}
    if code := codes.get(outcome.verdict):
        raise typer.Exit(code)


def _read(place: Path, images: Path | None) -> PredictionSample:
    from monai_lungxfer.drift.samples import read_sample
    from monai_lungxfer.utils.progress import progress_bar

    with progress_bar(progress_console()) as bar:
        task = bar.add_task("Reading", total=None)
        return read_sample(place, images, lambda: bar.advance(task))


def _show(outcome: DriftOutcome, page: Path | None, as_json: bool) -> None:
    from monai_lungxfer.drift.page import state_verdict
    from monai_lungxfer.inference.overlay import NOTICE

    if as_json:
        told = {"verdict": outcome.verdict.value, "sentence": state_verdict(outcome), "drifted": outcome.drifted}
        tables = {name: getattr(outcome, name).to_dict("records") for name in ("numbers", "rates")}
        emit_json(told | tables | {"page": page})
        return
    for table in _tables(outcome):
        console.print(table)
    console.print(state_verdict(outcome), highlight=False, soft_wrap=True)
    if page is not None:
        console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    console.print(NOTICE, style="italic")


def _tables(outcome: DriftOutcome) -> list[Table]:
    from rich.table import Table as RichTable

    from monai_lungxfer.drift.tables import make_tables

    shown = []
    for one in make_tables(outcome):
        table = RichTable(*one.columns, title=one.title, box=None)
        for row in one.cells:
            drifted: Any = row[-1].value == "yes"
            table.add_row(*(cell.text for cell in row), style="bold" if drifted else None)
        shown.append(table)
    return shown
