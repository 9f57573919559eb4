"""``lungxfer study``: planning a study, running it, seeing how far it is, and reporting what it found."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console, show_warnings_only
from monai_lungxfer.cli.options import OUT, Device, Json, Overwrite, RayAddress, Threads
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.study.execution.run import StudyEnd
    from monai_lungxfer.study.execution.status import StepStatus

study_app = typer.Typer(no_args_is_help=True, help="Repeat the stages with fresh splits and in several arms.")

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan, or the folder of a study that was begun.")]


@study_app.command("plan")
def plan(
    path: Annotated[Path, typer.Argument(metavar="PLAN", help="The file to write.", dir_okay=False)] = Path(
        "plan.yaml"
    ),
    data: Annotated[str, typer.Option(help="Folder with general/ and portable/, as the plan shall name it.")] = "data",
    out: Annotated[str, typer.Option(*OUT, help="The study's folder, as the plan shall name it.")] = "study",
    overwrite: Overwrite = False,
) -> None:
    """Write a plan with the paper's values, every key explained, to be edited."""
    from monai_lungxfer.study.plan.template import plan_template
    from monai_lungxfer.utils.errors import PlanError
    from monai_lungxfer.utils.files import atomic_path

    if path.exists() and not overwrite:
        raise PlanError("is there already", source=path, remedy="Name another file, or replace it (--overwrite)")
    with atomic_path(path) as temporary:
        temporary.write_text(plan_template(data, out, path.name), encoding="utf-8")
    console.print(f"Edit {path}, then: lungxfer study run {path}", highlight=False, soft_wrap=True)


@study_app.command("run")
def run(
    path: PlanFile,
    ray_address: RayAddress = None,
    threads: Threads = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="MLflow's server or database; an empty text tracks nothing.", show_default="OUT/mlruns.db"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Carry out a plan; started again, it continues where it was. Exit code 1: some steps failed, the rest is done."""
    from monai_lungxfer.cli.study_progress import StudyProgress
    from monai_lungxfer.study.execution.run import run_study
    from monai_lungxfer.study.plan.plan import StudyPlan

    show_warnings_only()
    chosen = StudyPlan.from_file(path)
    if threads is not None:
        chosen = chosen.model_copy(update={"threads": threads})
    with _pool(ray_address) as pool, StudyProgress(progress_console()) as progress:
        end = run_study(chosen, tracking_uri, pool, progress)
    _show_end(end, as_json)
    if end.failed or end.blocked:
        raise typer.Exit(EXIT_PARTIAL)


def _pool(address: str | None) -> AbstractContextManager[Any]:
    if address is None:
        return contextlib.nullcontext()
    from monai_lungxfer.study.execution.ray_pool import RayPool

    return RayPool.at(address)


def _show_end(end: StudyEnd, as_json: bool) -> None:
    folder = end.study.paths.path
    failed = {f"{task.repetition}/{task.step}": error for task, error in end.failed.items()}
    if as_json:
        blocked = [f"{task.repetition}/{task.step}" for task in end.blocked]
        emit_json({"study": folder, "done": len(end.done), "failed": failed, "blocked": blocked})
        return
    console.print(f"{len(end.done)} steps are done: {folder}", highlight=False, soft_wrap=True)
    if failed:
        console.print(
            f"{len(failed)} failed and {len(end.blocked)} need one of these. Correct the cause, and run the study "
            "again: it tries them again.",
            soft_wrap=True,
        )
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")


@study_app.command("status")
def status(path: PlanFile, as_json: Json = False) -> None:
    """Show how far a study is, also while it runs."""
    from monai_lungxfer.study.execution.status import study_status
    from monai_lungxfer.study.plan.plan import StudyPlan

    steps = study_status(StudyPlan.from_file(path))
    if as_json:
        told = ("state", "seconds", "error")
        emit_json(
            [
                one.task._asdict() | {"epochs": len(one.epochs)} | {name: getattr(one, name) for name in told}
                for one in steps
            ]
        )
    else:
        _show_status(steps)


def _show_status(steps: list[StepStatus]) -> None:
    from monai_lungxfer.study.execution.status import seconds_left
    from monai_lungxfer.utils.progress import duration

    console.print(_status_table(steps))
    for one in steps:
        if one.error is not None:
            said = f"repetition {one.task.repetition + 1}, {one.task.step}: {one.error}"
            console.print(said, style="red", soft_wrap=True)
    left = seconds_left(steps)
    if left:
        console.print(f"About {duration(left)} left, one step at a time", highlight=False)


def _status_table(steps: list[StepStatus]) -> Table:
    from statistics import fmean

    from rich.table import Table

    from monai_lungxfer.utils.progress import duration

    states = ("done", "begun", "failed", "waiting")
    table = Table("step", *states, "epochs", "time of one")
    for name in dict.fromkeys(one.task.step for one in steps):
        own = [one for one in steps if one.task.step == name]
        done = [one for one in own if one.state == "done"]
        cells = ["", ""]
        if done:
            cells = [f"{fmean(len(one.epochs) for one in done):.1f}", duration(fmean(one.seconds for one in done))]
        table.add_row(name, *(str(sum(one.state == state for one in own)) for state in states), *cells)
    return table


@study_app.command("report")
def report(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.", exists=True, file_okay=False)],
    out: Annotated[Path | None, typer.Option(*OUT, help="Where to.", show_default="STUDY", file_okay=False)] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Show images of the independent half: they get into the page.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="The study's data, for --with-images.", show_default="as in its plan")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Write report.html, tables/ and figures/ of a study, finished or not; the page needs no network.

    Images are shown without names or paths, as case numbers; text burnt into their pixels stays.
    """
    if data is not None and not with_images:
        raise typer.BadParameter("is needed for --with-images alone", param_hint="--data")
    from monai_lungxfer.study.report.write import write_report

    written = write_report(study, out, with_images=with_images, data=data, device=device)
    if as_json:
        emit_json(vars(written))
        return
    console.print(f"{written.finished} of {written.planned} repetitions are finished", highlight=False)
    for title, path in {"Report": written.page, "Tables": written.tables, "Figures": written.figures}.items():
        console.print(f"{title}: {path}", soft_wrap=True, highlight=False)
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")
