"""The command `predict`: masks, overlays and a table for many radiographs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import FILE_ONLY, emit_json, progress_console
from monai_lungxfer.cli.exchange import (
    FromDicomweb,
    OwnTitle,
    Study,
    ToDicomweb,
    ToPacs,
    check_source,
    deliver,
    found,
    ways_out,
)
from monai_lungxfer.cli.options import (
    OUT,
    Adapter,
    Device,
    Json,
    MriChannel,
    Overwrite,
    OwnWeights,
    RayAddress,
    Refiner,
    Threads,
    parsed_settings,
)
from monai_lungxfer.cli.prediction_summary import summarise
from monai_lungxfer.cli.review import MarksFile, OnlyMarked, ReviewPage, fitting_marks, read_review, write_page
from monai_lungxfer.utils.deferred_imports import defer_imports
from monai_lungxfer.utils.exit_codes import exit_code

if TYPE_CHECKING:
    from monai_lungxfer.inference.batch import Runner
    from monai_lungxfer.utils.errors import LungXferError

logger = logging.getLogger(__name__)

EXAMPLES = """Examples:

lungxfer predict chest.dcm

lungxfer predict -i ward/ -o masks --overlay

lungxfer predict 'in/**/*.dcm' -o seg --format dicom-seg --resume"""


class EngineName(StrEnum):
    """The names of `monai_lungxfer.inference.engines.engine.ENGINES`, known without importing what they need."""

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"
    OPENVINO = "openvino"


class MaskFormat(StrEnum):
    """File formats of masks."""

    PNG = "png"
    NIFTI = "nifti"
    DICOM_SEG = "dicom-seg"


def predict(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="Images, folders, patterns such as 'in/**/*.dcm', datalists."),
    ] = None,
    more_inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", metavar="INPUT", help="The same as INPUT. May be repeated.")
    ] = None,
    out: Annotated[Path, typer.Option(*OUT, help="Output folder.")] = Path("predictions"),
    bundle: Annotated[str, typer.Option(help="A stage, a bundle's name, or a bundle's folder.")] = "portable",
    weights: OwnWeights = None,
    adapter: Adapter = None,
    refiner: Refiner = None,
    mask_format: Annotated[
        MaskFormat, typer.Option("--format", metavar="NAME", help="File format of the masks: png, nifti or dicom-seg.")
    ] = MaskFormat.PNG,
    sides: Annotated[bool, typer.Option("--sides", help="A segment for each lung (dicom-seg).")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write pictures with the lungs' contour.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also write DICOM Structured Reports: areas and flags (dicom-seg).")
    ] = False,
    presentation: Annotated[
        bool, typer.Option("--presentation", help="Also write presentation states with the contour (dicom-seg).")
    ] = False,
    review_page: ReviewPage = False,
    any_view: Annotated[
        bool, typer.Option("--any-view", help="Also take DICOM files that are not frontal chest radiographs.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Skip images that do not look like an upright frontal chest radiograph.")
    ] = False,
    fix_polarity: Annotated[
        bool | None,
        typer.Option(
            "--fix-polarity/--no-fix-polarity",
            help="Turn the grey scale round where air is certainly bright.",
            show_default="as in inference.yaml: yes",
        ),
    ] = None,
    channels: MriChannel = None,
    marks: MarksFile = None,
    only_marked: OnlyMarked = None,
    from_dicomweb: FromDicomweb = None,
    study: Study = None,
    to_dicomweb: ToDicomweb = None,
    to_pacs: ToPacs = None,
    ae_title: OwnTitle = None,
    engine: Annotated[
        EngineName,
        typer.Option(
            metavar="NAME",
            help="auto: the bundle's compiled pipeline; torch: what inference.yaml says; or onnx, openvino.",
        ),
    ] = EngineName.AUTO,
    fast: Annotated[
        bool, typer.Option("--fast", help="Compute the network in bfloat16 (openvino), where the processor can.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Radiographs at the same time.", show_default="one a core; torch: one"),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="Radiographs in one pass of the network, with --engine torch.")
    ] = 4,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run: segment only what is left.")
    ] = False,
    ray_address: RayAddress = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="ID=VALUE", help="Replace a setting of inference.yaml, e.g. threshold=0.4."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Segment the lungs of radiographs, at their native size. For research only: this is not a medical device.

    Writes NAME_mask.png (or .nii.gz, or .dcm) for every radiograph, and predictions.csv and predictions.json.
    These tables list areas, and flags for the masks that a person should look at.
    Files that cannot be read, or that --strict refuses, are skipped: exit code 1.
    DICOM files that are not frontal chest radiographs by their header are left out.
    "lungxfer segment" is the same command.
    """
    asked = {"fix_polarity": fix_polarity, "channels": channels and channels.value}
    overrides = parsed_settings(settings) | {name: value for name, value in asked.items() if value is not None}
    model: dict[str, Any] = {"bundle": bundle, "weights": weights, "device": device, "overrides": overrides}
    model |= {"adapter": adapter, "refiner": refiner, "engine": engine.value, "fast": fast, "threads": threads}
    inputs = [*(more_inputs or ()), *(inputs or ())]  # "-i in/*.png" gives the first of many to -i
    check_source(inputs, from_dicomweb, study)
    if overwrite and resume:
        raise typer.BadParameter("--overwrite and --resume exclude each other")
    stores = ways_out(to_dicomweb, to_pacs, ae_title, dicom=mask_format is MaskFormat.DICOM_SEG)
    review = read_review(marks, only_marked)
    defer_imports()
    from monai_lungxfer.inference.batch import predict_files
    from monai_lungxfer.inference.outputs import OutputOptions
    from monai_lungxfer.inference.segmenter import Segmenter
    from monai_lungxfer.inference.tables import predictions_document
    from monai_lungxfer.utils.progress import progress_bar
    from monai_lungxfer.utils.threads import use_threads

    options = OutputOptions(mask_format.value, overlay, sides, strict, report, presentation)
    refused: list[LungXferError] = []
    with found(inputs, from_dicomweb, study, any_view, refused) as searched:
        fitting = fitting_marks(searched, review)
        files = searched if only_marked is None else [item for item in searched if item.name in fitting]
        segmenter = Segmenter.from_bundle(**model)
        if segmenter.engine.name == EngineName.TORCH:
            use_threads(threads)
        with progress_bar(progress_console()) as progress, _runner(ray_address, model) as run:
            task = progress.add_task("Segmenting", total=len(files))
            how: dict[str, Any] = {"batch_size": batch_size, "jobs": jobs, "overwrite": overwrite, "resume": resume}
            how |= {"run": run, "review": fitting}
            predictions = predict_files(segmenter, files, out, options, on_done=lambda _: progress.advance(task), **how)
    counts = Counter(one.status for one in predictions)
    logger.info("results: %s", ", ".join(f"{count} {name}" for name, count in counts.items()), extra={FILE_ONLY: True})
    if as_json:
        emit_json(predictions_document(predictions, segmenter.identity))
    else:
        summarise(predictions, str(segmenter.identity), out)
    if review_page:
        write_page(out, silent=as_json)
    deliver(stores, predictions, out)
    if code := exit_code([*counts.elements(), *("skipped" for _ in refused)]):
        raise typer.Exit(code)


@contextmanager
def _runner(address: str | None, model: dict[str, Any]) -> Iterator[Runner | None]:
    """Give what does the work on a Ray cluster, or None for this process."""
    if address is None:
        yield None
        return
    from monai_lungxfer.inference.ray_batch import RayRunner
    from monai_lungxfer.utils.extras import connected

    with connected(address) as ray:
        yield RayRunner(ray, model)
