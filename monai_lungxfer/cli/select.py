"""The command `select`: which unlabelled radiographs to draw first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Device, Json, Overwrite, OwnWeights, Threads
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.progress import Progress

    from monai_lungxfer.selection.run import WrittenSelection

EXAMPLES = """Examples:

lungxfer select ward/ --count 30 -o first

lungxfer serve label --studies first/studies"""


def select(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="Folders, images, patterns, or datalists without labels."),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder to write.", file_okay=False)],
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="Radiographs to select.")] = 30,
    per_patient: Annotated[int, typer.Option("--per-patient", min=1, metavar="N", help="Of each patient at most.")] = 1,
    uncertain: Annotated[
        float,
        typer.Option(
            "--uncertain", min=0, max=1, metavar="SHARE", help="Share that goes by uncertainty; the rest is diverse."
        ),
    ] = 0.5,
    balance: Annotated[
        bool, typer.Option("--balance/--no-balance", help="Take equally many of each device and view.")
    ] = True,
    any_view: Annotated[
        bool, typer.Option("--any-view", help="Also take DICOM files that are not frontal chest radiographs.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Skip images that do not look like an upright frontal chest radiograph.")
    ] = False,
    bundle: Annotated[str, typer.Option(help="A stage, a bundle's name, or a bundle's folder.")] = "portable",
    weights: OwnWeights = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take what an earlier run has measured with the same weights.")
    ] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Select the unlabelled radiographs to draw first: diverse and uncertain ones, no near-duplicates.

    Writes selected.csv, near_duplicates.csv, selected.html with thumbnails, and studies/, a folder for lungxfer serve
    label. The names in studies/ are new; what is inside the files stays.
    Images that have a label in a datalist are not selected. Files that cannot be read are skipped: exit code 1.
    For research only: this is not a medical device.
    """
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    from monai_lungxfer.inference.segmenter import Segmenter
    from monai_lungxfer.selection.choice import ChoiceRules
    from monai_lungxfer.selection.run import SelectionSettings, select_images
    from monai_lungxfer.utils.progress import progress_bar
    from monai_lungxfer.utils.threads import use_threads

    use_threads(threads)
    segmenter = Segmenter.from_bundle(bundle, weights=weights, device=device, engine="torch")
    rules = ChoiceRules(count, per_patient, uncertain, balance)
    settings = SelectionSettings(rules, any_view, strict, resume, overwrite)
    with progress_bar(progress_console()) as bar:
        written = select_images(segmenter, inputs, out.absolute(), settings, _show_in(bar))
    _show(written, count, as_json)
    if any(not one.left_out for one in written.passed):
        raise typer.Exit(EXIT_PARTIAL)


def _show_in(bar: Progress) -> Callable[[str, int], Callable[[], object]]:
    """Return what begins a task of a progress bar."""

    def begin(what: str, steps: int) -> Callable[[], object]:
        task = bar.add_task(what, total=steps)
        return lambda: bar.advance(task)

    return begin


def _show(written: WrittenSelection, count: int, as_json: bool) -> None:
    from monai_lungxfer.inference.overlay import NOTICE

    if as_json:
        emit_json(vars(written) | {"passed": [one._asdict() for one in written.passed]})
        return
    for one in written.passed:
        how = "Left out" if one.left_out else "Skipped"
        console.print(f"{how}: {one.file}: {one.reason}", highlight=False, soft_wrap=True)
    counts = f"Selected: {len(written.rows)} of {written.images} radiographs"
    console.print(f"{counts} ({written.labelled} have a label, {written.duplicates} are near-duplicates)")
    if len(written.rows) < count:
        console.print("No more are left. To select more of each patient, use --per-patient", style="yellow")
    for title, path in {"Table": written.table, "Page": written.page, "For annotators": written.studies}.items():
        console.print(f"{title}: {path}", highlight=False, soft_wrap=True)
    console.print(NOTICE, style="italic")
