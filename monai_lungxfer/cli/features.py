"""The command `features`: which features networks share between domains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console, show_warnings_only
from monai_lungxfer.cli.options import (
    OUT,
    Device,
    Json,
    NumberFormat,
    Overwrite,
    Precision,
    Seed,
    Threads,
    split_pairs,
)
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.progress import Progress

    from monai_lungxfer.features.run import WrittenFeatures

EXAMPLES = """Examples:

lungxfer features --weights donor,general,paper,random --data cxr=DIR mri=lgg/kaggle_3m -o shared

lungxfer features --weights donor,scratch=runs/portable/models/model.pt --data cxr=DIR --limit 200 -o shared"""


def features(
    weights: Annotated[
        str,
        typer.Option(
            help="Networks, with commas: files, bundles' names, hub, paper, MLflow URIs, random; or LABEL= before one."
        ),
    ],
    data: Annotated[
        list[str],
        typer.Option(metavar="NAME=DIR", help="A domain: a datalist's folder, or kaggle_3m of the LGG data; several."),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder to write.", file_okay=False)],
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=DIR]...", help="Further domains.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=5,
            metavar="N",
            help="Images of each domain, of as many patients as possible.",
            show_default="all",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="The network that donors are scored with.", show_default="scratch, if any"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take what an earlier run has collected from the same weights and images.")
    ] = False,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Compare networks layer by layer: which features are shared between domains, and which donor fits.

    Writes features.html, tables/ and figures/. Exit code 1: images could not be read and were left out.
    """
    from monai_lungxfer.features.networks import parse_networks
    from monai_lungxfer.features.run import FeatureSettings, analyse_features
    from monai_lungxfer.utils.precision import usable_device
    from monai_lungxfer.utils.progress import progress_bar
    from monai_lungxfer.utils.threads import use_threads

    folders = split_pairs([*data, *(more or [])], "NAME=DIR", "--data")
    use_threads(threads)
    show_warnings_only()
    if device != "auto":
        usable_device(device)
    networks = parse_networks([name.strip() for name in weights.split(",") if name.strip()], seed)
    settings = FeatureSettings(limit, seed, device, precision.value, resume, overwrite, reference)
    with progress_bar(progress_console()) as bar:
        places = {name: Path(folder) for name, folder in folders.items()}
        written = analyse_features(networks, places, out.absolute(), settings, _show_in(bar))
    _show(written, as_json)
    if any(written.skipped.values()):
        raise typer.Exit(EXIT_PARTIAL)


def _show_in(bar: Progress) -> Callable[[str, int], Callable[[int], Any]]:
    """Return what begins a task of a progress bar; the task before it vanishes."""

    def begin(what: str, steps: int) -> Callable[[int], Any]:
        for task in bar.task_ids:
            bar.remove_task(task)
        task = bar.add_task(what, total=steps)
        return lambda done: bar.advance(task, done)

    return begin


def _show(written: WrittenFeatures, as_json: bool) -> None:
    skipped = {name: [one._asdict() for one in images] for name, images in written.skipped.items()}
    if as_json:
        emit_json(vars(written) | {"skipped": skipped})
        return
    for name, images in skipped.items():
        for one in images:
            console.print(f"Skipped in {name}: {one['image']}: {one['reason']}", highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count} of {name}" for name, count in written.images.items())
    console.print(f"Images: {counts}", highlight=False, soft_wrap=True)
    for title, path in {"Report": written.page, "Tables": written.tables, "Figures": written.figures}.items():
        console.print(f"{title}: {path}", highlight=False, soft_wrap=True)
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")
