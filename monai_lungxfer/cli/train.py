"""The commands that train: `train`, `transfer`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import (
    OUT,
    BatchSize,
    DataFolder,
    Device,
    Epochs,
    ImageSize,
    Json,
    MriChannel,
    NumberFormat,
    Precision,
    Seed,
    Settings,
    Sizing,
    StageName,
    Threads,
    method_overrides,
)

EXAMPLES = """Examples:

lungxfer train portable --data DIR -o runs/portable

lungxfer train general --data DIR --parent none --epochs 40 --threads 4

lungxfer train portable --translator tail:3 --data DIR -o runs/hospital

lungxfer train portable --recipe best --data DIR --set learning_rate=0.0005"""


class Recipe(StrEnum):
    """Ways to train a stage."""

    PAPER = "paper"
    BEST = "best"
    STUDENT = "student"


def train(
    ctx: typer.Context,
    stage: StageName,
    data: DataFolder,
    out: Annotated[Path | None, typer.Option(*OUT, help="Output folder.", show_default="runs/STAGE")] = None,
    parent: Annotated[
        str | None,
        typer.Option(
            help="Weights to start from: a file, a bundle's name, hub, paper, an MLflow URI, or none.",
            show_default="the stage before; none for donor; with --recipe best, the weights that ship",
        ),
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
        typer.Option(
            metavar="NAME",
            help="paper: the paper's method; best: the best masks; student: pseudo-masks, too (both portable only).",
        ),
    ] = Recipe.PAPER,
    epochs: Epochs = None,
    image_size: ImageSize = None,
    sizing: Sizing = None,
    channels: MriChannel = None,
    in_channels: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Input channels of the network, such as 1.", show_default="the parent's"),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Features of the finest level of the U-Net, 32 in the paper.",
            show_default="the parent's",
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
    if recipe is not Recipe.PAPER and width is not None:  # whose network calls it so
        overrides["network_def#width"] = overrides.pop("network_def#init_features")
    if parent is not None:
        overrides["parent"] = PlainText(parent)
    if translator is not None:
        overrides["translator"] = translator
    folder = StageFolder((out or Path("runs") / chosen.name).absolute())
    train_stage(chosen, data, folder, {"resume": resume} | overrides, watch_training, recipe.value)
    if as_json:
        emit_json({"weights": folder.weights, "sha256": hash_file(folder.weights), "split": folder.split})
    else:
        console.print(f"Weights of the best validation epoch: {folder.weights}", soft_wrap=True)


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
    from monai_lungxfer.cli.report_tables import metrics_table
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
    result = transfer_stages(root, out, overrides, donor, watch_training, allow_shared_patients=allow_shared_patients)
    shown = write_showcase(result, root, out, overrides["portable"])
    if as_json:
        emit_json({"before": result.before, "after": result.after, "files": shown})
        return
    before, after = paired_reports(result.before, result.after)
    title = f"Independent portable half, {after['images']} images, before and after the portable stage"
    console.print(metrics_table(title, {"before": before, "after": after}))
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


def watch_training(title: str) -> AbstractContextManager[Any]:
    """Show a training on the terminal."""
    from monai_lungxfer.training.progress import TrainingProgress

    return TrainingProgress(title, progress_console())
