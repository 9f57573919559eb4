"""The command `predict`: masks, overlays and a table for many radiographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import EXIT_PARTIAL, EXIT_USAGE, console, emit_json, error_console
from monai_lungxfer.cli.options import Device, Json, Settings, parsed_settings

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from monai_lungxfer.prediction.tables import Prediction

__all__ = ["MaskFormat", "predict"]


class MaskFormat(StrEnum):
    """File formats of masks."""

    PNG = "png"
    NIFTI = "nifti"


def predict(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="Images, folders, patterns such as 'in/**/*.dcm', datalists."),
    ],
    out: Annotated[Path, typer.Option(help="Output folder.")] = Path("predictions"),
    bundle: Annotated[str, typer.Option(help="A stage, a bundle's name, or a bundle's folder.")] = "portable",
    weights: Annotated[
        str | None,
        typer.Option(help="A weights file, a bundle's name or an MLflow URI.", show_default="the bundle's own"),
    ] = None,
    mask_format: Annotated[MaskFormat, typer.Option("--format", help="File format of the masks.")] = MaskFormat.PNG,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write pictures with the lungs' contour.")] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Radiographs in one pass of the network.")] = 4,
    device: Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")] = False,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Segment the lungs of radiographs, at their native size. For research only: this is not a medical device.

    Writes NAME_mask.png (or .nii.gz) for every radiograph, and predictions.csv and predictions.json with areas and
    with flags for the masks that a person should look at. Files that cannot be read are skipped: exit code 1.
    """
    overrides = parsed_settings(settings)
    from monai_lungxfer.prediction.batch import predict_files
    from monai_lungxfer.prediction.inputs import find_inputs
    from monai_lungxfer.prediction.segmenter import Segmenter
    from monai_lungxfer.prediction.tables import predictions_document

    files = find_inputs(inputs)
    segmenter = Segmenter.from_bundle(bundle, weights=weights, device=device, overrides=overrides)
    with _progress() as progress:
        task = progress.add_task("Segmenting", total=len(files))
        predictions = predict_files(
            segmenter,
            files,
            out,
            mask_format=mask_format.value,
            overlay=overlay,
            batch_size=batch_size,
            overwrite=overwrite,
            on_done=lambda _: progress.advance(task),
        )
    if as_json:
        emit_json(predictions_document(predictions, segmenter.identity))
    else:
        _summarise(predictions, str(segmenter.identity), out)
    skipped = sum(prediction.status == "skipped" for prediction in predictions)
    if skipped:
        raise typer.Exit(EXIT_USAGE if skipped == len(predictions) else EXIT_PARTIAL)


def _progress() -> AbstractContextManager[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=error_console,
        disable=not error_console.is_terminal or error_console.quiet,
        transient=True,
    )


def _summarise(predictions: Sequence[Prediction], model: str, out: Path) -> None:
    from monai_lungxfer.prediction.overlay import NOTICE

    console.print(_table(predictions))
    typer.echo(f"Results: {out}")
    typer.echo(f"Model: {model}")
    typer.echo(NOTICE)


def _table(predictions: Sequence[Prediction]) -> Table:
    from rich.table import Table

    from monai_lungxfer.prediction.quality import FLAGS

    skipped = sum(prediction.status == "skipped" for prediction in predictions)
    flags = Counter(flag for prediction in predictions for flag in prediction.flags)
    table = Table("what", "radiographs", "meaning", box=None)
    table.add_row("segmented", str(len(predictions) - skipped), "")
    table.add_row("skipped", str(skipped), "could not be read, see predictions.csv" if skipped else "")
    table.add_row("flagged", str(sum(bool(prediction.flags) for prediction in predictions)), "")
    for flag, meaning in FLAGS.items():
        if flags[flag]:
            table.add_row(f"  {flag}", str(flags[flag]), meaning)
    return table
