"""The command `evaluate`: weights measured on one section of a split."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import (
    OUT,
    Adapter,
    DataFolder,
    Device,
    ImageSize,
    Json,
    MriChannel,
    NumberFormat,
    Overwrite,
    Precision,
    Seed,
    Settings,
    StageName,
    Threads,
    method_overrides,
)


class Place(StrEnum):
    """The words of `monai_lungxfer.handlers.report_file.PLACES`."""

    GRID = "grid"
    NATIVE = "native"


def evaluate(
    ctx: typer.Context,
    stage: StageName,
    data: DataFolder,
    out: Annotated[Path | None, typer.Option(*OUT, help="Folder of the training.", show_default="runs/STAGE")] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="A file, a bundle's name, hub, paper, or an MLflow URI.", show_default="those in the output folder"
        ),
    ] = None,
    adapter: Adapter = None,
    section: Annotated[str, typer.Option(help="test, independent, validation, training or locked.")] = "test",
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD", help="Group by a field, such as source, view, device, age, ignore; may be repeated."
        ),
    ] = None,
    at: Annotated[
        Place,
        typer.Option(
            metavar="PLACE", help="grid: measure on the network's grid; native: at each radiograph's own size."
        ),
    ] = Place.GRID,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Another reader's masks, as the ceiling next to Dice; several: by STAPLE.",
        ),
    ] = None,
    zones: Annotated[
        bool,
        typer.Option("--zones", help="Also distances by zone of the lungs, and Dice without a band of 2 pixels."),
    ] = False,
    refiner: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A border refiner of these weights (lungxfer refine), with --at native."),
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

    With --at native also how well the border fits: boundary IoU (BIOU) and normalised surface Dice (NSD).
    docs/evaluation.md of the project says what each metric is.

    The report is SECTION.json in the output folder, or SECTION-HASH.json for other weights than those trained there.
    """
    from monai_lungxfer.bundle.settings import PlainText
    from monai_lungxfer.bundle.stages import stage_named
    from monai_lungxfer.cli.report_tables import group_tables, metrics_table, report_lines
    from monai_lungxfer.training.stage import StageFolder, evaluate_stage
    from monai_lungxfer.utils.threads import use_threads

    chosen = stage_named(stage)
    use_threads(threads)
    overrides = {"overwrite": overwrite, "at": at.value} | method_overrides(ctx.params)
    if refiner is not None:
        overrides["refiner"] = refiner.absolute()
    folder = StageFolder((out or Path("runs") / chosen.name).absolute())
    if against:
        overrides["against"] = [reader.absolute() for reader in against]
    if zones:
        if chosen.parent is None:
            raise typer.BadParameter("a brain has no zones of the lungs", param_hint="--zones")
        overrides["zones"] = True
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
        console.print(metrics_table(title, {"mean ± SD": report}))
        for text in (*group_tables(report), *report_lines(report)):
            console.print(text, highlight=False)
        console.print(f"Report: {report['report_file']}", highlight=False, soft_wrap=True)
