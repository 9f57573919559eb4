"""The command `adapt`: from own labelled images to an adapted model, and whether it is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Device, Json, NumberFormat, Precision, Seed, Threads
from monai_lungxfer.cli.registry import TrackingUri
from monai_lungxfer.cli.train import watch_training
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from monai_lungxfer.adaptation.run import Adapted
    from monai_lungxfer.registry.gate import Comparison

EXAMPLES = """Examples:

lungxfer adapt first/studies --out adapted --patient '^(p[0-9]+)_'

lungxfer adapt own/datalist.json --out adapted --minutes 30 --register"""


def adapt(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="Images with masks: a folder, a datalist, or what MONAI Label or a drawing tool wrote."
        ),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Output folder.", file_okay=False)],
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, metavar="N", help="Time for all, about.")] = 60.0,
    weights: Annotated[
        str, typer.Option("--weights", help="What to start from: a file, a bundle's name, or an MLflow URI.")
    ] = "portable",
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks", help="Where masks or annotations are, if not among the images.", exists=True, file_okay=False
        ),
    ] = None,
    patient: Annotated[
        str | None, typer.Option("--patient", help=r"Where the patient stands in a file's name, as in '^(p\d+)_'.")
    ] = None,
    one_image_each: Annotated[
        bool,
        typer.Option("--one-image-each", help="Where nothing says whose an image is, take no two as of one patient."),
    ] = False,
    lung_label: Annotated[
        list[str] | None,
        typer.Option("--lung-label", metavar="NAME", help="A drawing tool's label of lungs. May be repeated."),
    ] = None,
    translator: Annotated[
        str | None,
        typer.Option(
            "--translator",
            metavar="KIND:DEPTH",
            help="Train new layers alone, such as tail:3.",
            show_default="by images and time",
        ),
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Register the model in MLflow as a candidate, and test it by the gate.")
    ] = False,
    tracking_uri: TrackingUri = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Adapt the model to images of your own device, and say whether it is better on images that it has not seen.

    It checks the images, locks a part of the patients for the measurement, trains within the time, and writes a bundle
    with a model card, report.html and steps.sh. Run the same command again to continue an interrupted run.
    At least 10 patients. Exit code 1: files were skipped, or a check of the bundle or the gate failed.
    For research only: this is not a medical device.
    """
    from monai_lungxfer.adaptation.run import AdaptationSettings, Machine, SourceRules
    from monai_lungxfer.adaptation.run import adapt as adapt_images
    from monai_lungxfer.networks.translator_unet import parse_translator
    from monai_lungxfer.utils.precision import usable_device
    from monai_lungxfer.utils.progress import show_progress
    from monai_lungxfer.utils.threads import use_threads

    use_threads(threads)
    if translator is not None:
        parse_translator(translator)
    if device != "auto":
        usable_device(device)
    adapted = adapt_images(
        data,
        out,
        AdaptationSettings(
            weights=weights,
            minutes=minutes,
            seed=seed,
            translator=translator,
            rules=SourceRules(masks, patient, one_image_each, tuple(lung_label or ())),
            machine=Machine(device, precision.value),
        ),
        watch_training,
        lambda items: show_progress(items, "Copying", progress_console()),
    )
    gate, candidate = _register(adapted, weights, tracking_uri) if register else (None, None)
    _show(adapted, gate, candidate, as_json)
    if adapted.skipped or adapted.failures or (gate is not None and not gate.passes):
        raise typer.Exit(EXIT_PARTIAL)


def _register(adapted: Adapted, weights: str, tracking_uri: str | None) -> tuple[Comparison, str]:
    """Register a candidate, and compare it with what it started from, as the gate compares it with a champion.

    Returned are the comparison, and what MLflow calls the candidate.
    """
    from monai_lungxfer.registry.gate import compare, read_report
    from monai_lungxfer.registry.register import register_bundle

    before, after = (read_report(report, sha256) for report, sha256 in adapted.measured())
    comparison = compare(after, before)
    registered = register_bundle(
        adapted.bundle,
        report=adapted.reports[1],
        parent=weights,
        tags={"gate": "passed" if comparison.passes else "not passed"},
        tracking_uri=tracking_uri,
    )
    return comparison, registered.uri


def _show(adapted: Adapted, gate: Comparison | None, candidate: str | None, as_json: bool) -> None:
    from monai_lungxfer.inference.overlay import NOTICE

    outcome = adapted.outcome
    if as_json:
        emit_json(
            {
                "verdict": outcome.verdict.value,
                "sentence": outcome.sentence,
                "difference": outcome.difference,
                "interval": outcome.reach,
                "bootstrap": outcome.bootstrap,
                "images": outcome.images,
                "patients": outcome.patients,
                "bundle": adapted.bundle,
                "report": adapted.page,
                "steps": adapted.steps,
                "skipped": adapted.skipped,
                "failed_checks": adapted.failures,
                "candidate": candidate,
                "gate": None if gate is None else gate.passes,
            }
        )
        return
    for note in adapted.notes:
        console.print(f"Note: {note}", highlight=False, soft_wrap=True)
    for file, reason in adapted.skipped:
        console.print(f"Skipped: {file}: {reason}", highlight=False, soft_wrap=True)
    for failure in adapted.failures:
        console.print(f"Check failed: {failure}", style="red", highlight=False, soft_wrap=True)
    for title, path in {"Bundle": adapted.bundle, "Report": adapted.page, "Steps": adapted.steps}.items():
        console.print(f"{title}: {path}", highlight=False, soft_wrap=True)
    if gate is not None:
        console.print(f"Registered {candidate}, alias candidate", soft_wrap=True)
        console.print(f"Gate {'passed' if gate.passes else 'not passed'}: {gate}", highlight=False, soft_wrap=True)
    for caution in outcome.comparison.notes:
        console.print(caution, style="yellow", highlight=False, soft_wrap=True)
    console.print(outcome.sentence, style="bold", highlight=False, soft_wrap=True)
    console.print(NOTICE, style="italic")
