"""The command `robustness`: what foreign objects do to the masks of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Device, Json, Overwrite, Threads
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.robustness.outcome import TrialOutcome

EXAMPLES = """Examples:

lungxfer robustness --weights general --weights portable --data portable/ -o trial

lungxfer robustness --weights runs/portable/models/model.pt --data DIR --objects tubes,markers --doses 1 --limit 16"""


def robustness(
    weights: Annotated[
        list[str],
        typer.Option(help="A file, a bundle's name, hub, paper, or an MLflow URI. May be repeated, to compare."),
    ],
    data: Annotated[Path, typer.Option(help="A data set with masks: its folder, or its datalist.")],
    out: Annotated[Path, typer.Option(*OUT, help="Output folder.")] = Path("robustness"),
    objects: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Objects to draw: pacemaker, tubes, electrodes, markers, all."),
    ] = "pacemaker,tubes,electrodes,markers,all",
    doses: Annotated[
        str, typer.Option(metavar="NUMBERS", help="What multiplies their absorption; 1 is the simulated device.")
    ] = "0.5,1,2",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Random draws of each object, for each image.")] = 5,
    attribution: Annotated[
        bool, typer.Option("--attribution", help="Also measure integrated gradients under the objects. Slow.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N images.")] = None,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run: measure only what is left.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure what foreign objects do to lung masks: pairs of a radiograph without and with drawn objects.

    Images whose annotators marked objects are compared with matched ones, too. Writes report.html, tables, figures,
    pairs.csv and images.csv. Images that cannot be measured are skipped: exit code 1. Not a medical device.
    """
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    numbers = _parse_numbers(doses)
    from monai_lungxfer.robustness.design import Design
    from monai_lungxfer.robustness.run import run_trial
    from monai_lungxfer.utils.progress import show_progress
    from monai_lungxfer.utils.threads import use_threads

    names = tuple(name.strip() for name in objects.split(",") if name.strip())
    design = Design(names, numbers, seeds, attribution=attribution)
    use_threads(threads)
    result = run_trial(
        weights,
        data,
        out,
        design,
        limit=limit,
        resume=resume,
        overwrite=overwrite,
        device=device,
        threads=threads,
        watch=lambda tasks: show_progress(tasks, "Measuring", progress_console()),
    )
    if as_json:
        names = ("drawn", "compared", "observed")
        tables = {name: getattr(result.outcome, name).to_dict("records") for name in names}
        emit_json({"page": result.page, "skipped": result.skipped, **tables})
    else:
        console.print(_table(result.outcome))
        console.print(f"Report: {result.page}", highlight=False, soft_wrap=True)
        console.print("Not a medical device: for research, not for diagnosis.", style="italic")
    if result.skipped:
        raise typer.Exit(EXIT_PARTIAL)


def _parse_numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not numbers, such as 0.5,1,2", param_hint="--doses") from None


def _table(outcome: TrialOutcome) -> Table:
    from rich.table import Table

    from monai_lungxfer.study.analysis.statistics import Interval
    from monai_lungxfer.study.report.formatting import interval_text, signed_text

    table = Table("weights", "object", "dose", "Dice without", "with", "change", "95 % interval", box=None)
    for row in outcome.drawn[outcome.drawn.metric == "DICE_HARD"].to_dict("records"):
        numbers = (f"{row['without']:.3f}", f"{row['with']:.3f}", signed_text(row["change"], 3))
        reach = interval_text(Interval(row["low"], row["high"]), 3, signed=True)
        table.add_row(row["weights"], row["object"], f"{row['dose']:g}", *numbers, reach)
    return table
