"""The command `robustness`: what foreign objects do to the masks of weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Device, Experiment, Json, Overwrite, RayAddress, ReportTracking, Threads
from monai_lungxfer.cli.plan_option import PlanFile, tell_plan, write_plan
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.robustness.outcome import TrialOutcome
    from monai_lungxfer.robustness.unit_runners import UnitRunner

EXAMPLES = """Examples:

lungxfer robustness --weights general --weights portable --data portable/ -o trial

lungxfer robustness --weights runs/portable/models/model.pt --data DIR --objects tubes,markers --doses 1 --limit 16

lungxfer robustness --plan robustness.yaml --ray-address local -o trial"""


def robustness(
    ctx: typer.Context,
    weights: Annotated[
        list[str],
        typer.Option(help="A file, a bundle's name, hub, paper, or an MLflow URI. May be repeated, to compare."),
    ],
    data: Annotated[Path, typer.Option(help="A data set with masks: its folder, or its datalist.")],
    out: Annotated[Path, typer.Option(*OUT, help="Output folder.")] = Path("robustness"),
    plan: PlanFile = None,  # noqa: ARG001 - its callback has done the work
    objects: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Objects to draw: pacemaker, tubes, electrodes, markers, all."),
    ] = "pacemaker,tubes,electrodes,markers,all",
    doses: Annotated[
        str, typer.Option(metavar="NUMBERS", help="What multiplies their absorption; 1 is the simulated device.")
    ] = "0.5,1,2",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Random draws of each object, for each image.")] = 5,
    attribution: Annotated[
        str,
        typer.Option(metavar="NAMES", help="Also measure where it looks: integrated_gradients (slow), seg_grad_cam."),
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N images.")] = None,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run: measure only what is left.")
    ] = False,
    ray_address: RayAddress = None,
    tracking_uri: ReportTracking = None,
    experiment: Experiment = "lungxfer-robustness",
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
    from monai_lungxfer.study.analysis.statistics import FEWEST_PATIENTS
    from monai_lungxfer.study.execution.tracked_report import ReportTracker
    from monai_lungxfer.utils.progress import begin_in, progress_bar
    from monai_lungxfer.utils.threads import use_threads

    names, methods = (
        tuple(name.strip() for name in given.split(",") if name.strip()) for given in (objects, attribution)
    )
    design = Design(names, numbers, seeds, attribution=methods)
    use_threads(threads)
    told = tell_plan(ctx)
    how: dict[str, Any] = {"limit": limit, "resume": resume, "overwrite": overwrite}
    how |= {"device": device, "threads": threads, "track": ReportTracker("robustness", tracking_uri, experiment, told)}
    with _runner(ray_address) as run, progress_bar(progress_console()) as bar:
        result = run_trial(weights, data, out, design, run=run, begin=begin_in(bar), **how)
    write_plan(out, "robustness", told)
    if as_json:
        names = ("drawn", "compared", "observed")
        tables = {name: getattr(result.outcome, name).to_dict("records") for name in names}
        emit_json({"page": result.page, "skipped": result.skipped, **tables})
    else:
        console.print(_table(result.outcome))
        if (patients := result.outcome.plain.patient.nunique()) < FEWEST_PATIENTS:
            few = f"Patients: {patients}. It takes {FEWEST_PATIENTS} to tell what objects change."
            console.print(few, style="yellow", highlight=False, soft_wrap=True)
        console.print(f"Report: {result.page}", highlight=False, soft_wrap=True)
        console.print("Not a medical device: for research, not for diagnosis.", style="italic")
    if result.skipped:
        raise typer.Exit(EXIT_PARTIAL)


@contextmanager
def _runner(address: str | None) -> Iterator[UnitRunner]:
    """Give what measures: this process, or a Ray cluster."""
    from monai_lungxfer.robustness.unit_runners import RayUnits, measure_here
    from monai_lungxfer.utils.extras import connected

    if address is None:
        yield measure_here
        return
    with connected(address) as ray:
        yield RayUnits(ray)


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
