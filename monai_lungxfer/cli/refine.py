"""The command `refine`: a small network that corrects the borders of masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, DataFolder, Device, Json, Overwrite, Seed, StageName, Threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

EXAMPLES = """Examples:

lungxfer refine portable --data DIR -o runs/portable

lungxfer refine portable --data DIR --weights general --file refiner.pt

lungxfer predict chest.dcm --refiner runs/portable/models/refiner.pt"""


def refine(
    stage: StageName,
    data: DataFolder,
    out: Annotated[Path | None, typer.Option(*OUT, help="Folder of the training.", show_default="runs/STAGE")] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="A file, a bundle's name, hub, paper, or an MLflow URI.", show_default="those in the output folder"
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="models/refiner.pt in the output folder")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=8, metavar="N", help="Training steps.", show_default="960")] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train a border refiner for weights: a small network that corrects masks along their border, at native size.

    It follows the split of the output folder: it learns from training images, and validation images decide what is
    kept. Use it with --refiner of "lungxfer predict" and "lungxfer evaluate --at native".
    """
    from monai_lungxfer.bundle.stages import stage_named
    from monai_lungxfer.training.refiner import STEPS, train_refiner
    from monai_lungxfer.training.stage import StageFolder
    from monai_lungxfer.utils.progress import progress_bar
    from monai_lungxfer.utils.threads import use_threads

    chosen = stage_named(stage)
    use_threads(threads)
    folder = StageFolder((out or Path("runs") / chosen.name).absolute())
    with progress_bar(progress_console()) as bar:
        task = bar.add_task("Refining", total=steps or STEPS)
        result = train_refiner(
            chosen,
            data,
            folder,
            weights or folder.weights,
            file=None if file is None else file.absolute(),
            seed=seed,
            steps=steps or STEPS,
            device=device,
            overwrite=overwrite,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    if as_json:
        emit_json(result)
        return
    console.print(_table(result))
    if result["kept_step"] == 0:
        console.print("No step improved the validation images beyond chance: this refiner changes nothing.")
    console.print(f"Refiner of the weights {result['weights_sha256'][:12]}: {result['refiner']}", soft_wrap=True)


def _table(result: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table("metric", "before", "after", title=f"Validation, {result['images']} images")
    for name, value in result["before"].items():
        table.add_row(name, f"{value:.4f}", f"{result['after'][name]:.4f}")
    return table
