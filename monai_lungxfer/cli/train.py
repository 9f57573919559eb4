"""The commands that train and measure: `train`, `evaluate`, `transfer`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import (
    OUT,
    Adapter,
    BatchSize,
    DataFolder,
    Device,
    Epochs,
    ImageSize,
    Json,
    MriChannel,
    NumberFormat,
    Overwrite,
    Precision,
    Seed,
    Settings,
    Sizing,
    StageName,
    Threads,
    method_overrides,
)

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """Examples:

lungxfer train portable --data DIR -o runs/portable

lungxfer train general --data DIR --parent none --epochs 40 --threads 4

lungxfer train portable --translator tail:3 --data DIR -o runs/hospital

lungxfer train portable --recipe best --data DIR --set learning_rate=0.0005"""


class Recipe(StrEnum):
    """Ways to train a stage."""

    PAPER = "paper"
    BEST = "best"


class Place(StrEnum):
    """The words of `monai_lungxfer.handlers.report_file.PLACES`."""

    GRID = "grid"
    NATIVE = "native"


def train(
    ctx: typer.Context,
    stage: StageName,
    data: DataFolder,
    out: Annotated[Path | None, typer.Option(*OUT, help="Output folder.", show_default="runs/STAGE")] = None,
    parent: Annotated[
        str | None, typer.Option(help="Weights to start from: a file, a bundle's name, hub, an MLflow URI, or none.")
    ] = None,
    translator: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:DEPTH",
            help="Freeze the parent and train new layers at its end: tail:3, tail-dilated:6 or hypercolumn:3.",
        ),
    ] = None,
    recipe: Annotated[
        Recipe,
        typer.Option(metavar="NAME", help="paper: the paper's method; best: the best masks (portable stage only)."),
    ] = Recipe.PAPER,
    epochs: Epochs = None,
    image_size: ImageSize = None,
    sizing: Sizing = None,
    channels: MriChannel = None,
    in_channels: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Input channels of the network, e.g. 1.", show_default="the parent's"),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Features of the finest level of the U-Net.", show_default="the parent's"
        ),
    ] = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted training of the output folder.")] = True,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Train one stage. Run the same command again to continue an interrupted training.

    With --translator, the weights file holds the new layers alone: an adapter of the parent, for one hospital's device.
    """
    from monai_lungxfer.bundle.settings import PlainText
    from monai_lungxfer.bundle.stages import stage_named
    from monai_lungxfer.training.stage import StageFolder, train_stage
    from monai_lungxfer.utils.files import hash_file
    from monai_lungxfer.utils.threads import use_threads

    chosen = stage_named(stage)
    use_threads(threads)
    overrides = method_overrides(ctx.params)
    if recipe is Recipe.BEST and width is not None:  # whose network calls it so
        overrides["network_def#width"] = overrides.pop("network_def#init_features")
    if parent is not None:
        overrides["parent"] = PlainText(parent)
    if translator is not None:
        overrides["translator"] = translator
    folder = StageFolder((out or Path("runs") / chosen.name).absolute())
    train_stage(chosen, data, folder, {"resume": resume} | overrides, _watch, recipe.value)
    if as_json:
        emit_json({"weights": folder.weights, "sha256": hash_file(folder.weights), "split": folder.split})
    else:
        console.print(f"Weights of the best validation epoch: {folder.weights}", soft_wrap=True)


def evaluate(
    ctx: typer.Context,
    stage: StageName,
    data: DataFolder,
    out: Annotated[Path | None, typer.Option(*OUT, help="Folder of the training.", show_default="runs/STAGE")] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="A file, a bundle's name, hub, paper or an MLflow URI.", show_default="those in the output folder"
        ),
    ] = None,
    adapter: Adapter = None,
    section: Annotated[str, typer.Option(help="test, independent, validation or training.")] = "test",
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD", help="Group by a field, such as source, view, device, age, ignore; may be repeated."
        ),
    ] = None,
    at: Annotated[
        Place, typer.Option(help="Compare on the network's grid, or at each radiograph's own size (native).")
    ] = Place.GRID,
    refiner: Annotated[
        Path | None, typer.Option(help="A border refiner of these weights (lungxfer refine), with --at native.")
    ] = None,
    image_size: ImageSize = None,
    channels: MriChannel = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Measure weights on one section of a split: the paper's nine metrics, distances, bridges and islands.

    With --at native also how well the border fits: boundary IoU and normalised surface Dice.
    The report is SECTION.json in the output folder, or SECTION-HASH.json for other weights than those trained there.
    """
    from monai_lungxfer.bundle.settings import PlainText
    from monai_lungxfer.bundle.stages import stage_named
    from monai_lungxfer.cli.report_tables import group_tables, report_lines
    from monai_lungxfer.training.stage import StageFolder, evaluate_stage
    from monai_lungxfer.utils.threads import use_threads

    chosen = stage_named(stage)
    use_threads(threads)
    overrides = {"overwrite": overwrite, "at": at.value} | method_overrides(ctx.params)
    if refiner is not None:
        overrides["refiner"] = refiner.absolute()
    folder = StageFolder((out or Path("runs") / chosen.name).absolute())
    if by:
        overrides["report_by"] = by
    if adapter is not None and weights is not None:
        overrides["adapter"] = PlainText(adapter)
    report = evaluate_stage(chosen, data, folder, weights or adapter or folder.weights, section, overrides)
    if as_json:
        emit_json(report)
    else:
        size = "the network's grid" if report["at"] == "grid" else "native size"
        title = f"{chosen.name}, {report['section']}: {report['images']} images, at {size}"
        console.print(_metrics_table(title, {"mean ± SD": report}))
        for text in (*group_tables(report), *report_lines(report)):
            console.print(text, highlight=False)
        console.print(f"Report: {report['report_file']}", highlight=False, soft_wrap=True)


def transfer(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with lgg/, general/ and portable/.", show_default="phantoms")
    ] = None,
    out: Annotated[Path, typer.Option(*OUT, help="Output folder.")] = Path("runs/transfer"),
    donor: Annotated[
        str | None, typer.Option(help="Weights of a donor, such as hub, so that stage 0 is not trained.")
    ] = None,
    epochs: Annotated[
        str | None, typer.Option(help="At most so many epochs: one number, or three separated by commas.")
    ] = None,
    image_size: ImageSize = None,
    sizing: Sizing = None,
    batch_size: BatchSize = None,
    seed: Seed = 0,
    allow_shared_patients: Annotated[
        bool,
        typer.Option("--allow-shared-patients", help="Equal names in general/ and portable/ are different patients."),
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Train donor, general and portable stage in turn, compare before and after, and draw overlays.

    Without --data, phantoms are drawn and the stages are made small, so that they end within minutes.
    """
    from monai_lungxfer.bundle.stages import STAGES
    from monai_lungxfer.metrics.summary import paired_reports
    from monai_lungxfer.training.stage import transfer_stages
    from monai_lungxfer.training.transfer_report import REDUCED, make_phantoms, write_showcase
    from monai_lungxfer.utils.threads import use_threads

    limits = _three_limits(epochs)
    use_threads(threads)
    reduced = {} if data is not None else REDUCED
    overrides = {
        name: dict(reduced.get(name, {})) | method_overrides({**ctx.params, "epochs": limit})
        for name, limit in zip(STAGES, limits, strict=True)
    }
    root = make_phantoms(out, seed) if data is None else data
    result = transfer_stages(root, out, overrides, donor, _watch, allow_shared_patients=allow_shared_patients)
    shown = write_showcase(result, root, out, overrides["portable"])
    if as_json:
        emit_json({"before": result.before, "after": result.after, "files": shown})
        return
    before, after = paired_reports(result.before, result.after)
    title = f"Independent portable half, {after['images']} images, before and after the portable stage"
    console.print(_metrics_table(title, {"before": before, "after": after}))
    for description, path in shown.items():
        console.print(f"{description}: {path}", soft_wrap=True)
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")


def _three_limits(epochs: str | None) -> list[int | None]:
    if epochs is None:
        return [None] * 3
    parts = epochs.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts) or len(parts) not in (1, 3):
        raise typer.BadParameter(f"{epochs!r} is neither one number nor three, such as 20,20,40", param_hint="--epochs")
    limits: list[int | None] = [int(part) for part in parts]
    return limits * (3 // len(limits))


def _watch(title: str) -> AbstractContextManager[Any]:
    from monai_lungxfer.training.progress import TrainingProgress

    return TrainingProgress(title, progress_console())


def _metrics_table(title: str, reports: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a row a metric and a column a report; a mean that leaves images out says so."""
    from rich.table import Table

    from monai_lungxfer.metrics.per_image import DISTANCES

    table = Table("metric", *reports, title=title)
    first = next(iter(reports.values()))
    for name in first["all"]:
        unit = f", {first['distance_unit']}" if name in DISTANCES and first["distance_unit"] else ""
        table.add_row(
            name + unit, *(_mean_and_spread(report["all"][name], report["images"]) for report in reports.values())
        )
    return table


def _mean_and_spread(summary: dict[str, float | None], images: int) -> str:
    if summary["mean"] is None:
        return f"undefined (n = 0 of {images})"
    spread = "" if summary["std"] is None else f" ± {summary['std']:.4f}"
    left_out = "" if summary["n"] == images else f" (n = {summary['n']} of {images})"
    return f"{summary['mean']:.4f}{spread}{left_out}"
