"""The command `features`: which features networks share between domains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console, show_warnings_only
from monai_lungxfer.cli.options import (
    OUT,
    Device,
    Experiment,
    Json,
    NumberFormat,
    Overwrite,
    Precision,
    RayAddress,
    ReportTracking,
    Seed,
    Threads,
    split_pairs,
)
from monai_lungxfer.cli.plan_option import PlanFile, tell_plan, write_plan
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from monai_lungxfer.features.jobs import JobRunner
    from monai_lungxfer.features.run import WrittenFeatures

EXAMPLES = """Examples:

lungxfer features --weights donor,general,paper,random --data cxr=DIR mri=lgg/kaggle_3m -o shared

lungxfer features --weights donor,scratch=runs/portable/models/model.pt --data cxr=DIR --limit 200 -o shared

lungxfer features --weights donor,general --data cxr=DIR mri=lgg/kaggle_3m --limit 500 --image-size 128 -o shared

lungxfer features --plan features.yaml --ray-address local -o shared"""


def features(
    ctx: typer.Context,
    weights: Annotated[
        str,
        typer.Option(
            help="Networks, with commas: files, bundles' names, hub, paper, MLflow URIs, random; or LABEL= before one."
        ),
    ],
    data: Annotated[
        list[str],
        typer.Option(metavar="NAME=DIR", help="A domain: a datalist's folder, or kaggle_3m of the LGG data; several."),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder to write.", file_okay=False)],
    plan: PlanFile = None,  # noqa: ARG001 - its callback has done the work
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=DIR]...", help="Further domains.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=5,
            metavar="N",
            help="Images of each domain, of as many patients as possible.",
            show_default="all",
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=32,
            metavar="N",
            help="Longest side of the networks' input: 128 takes about a quarter of the time of 256.",
            show_default="each network's own",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="The network that donors are scored with.", show_default="scratch, if any"),
    ] = None,
    patches_picture: Annotated[
        bool,
        typer.Option(
            "--patches-picture",
            help="Write figures/nearest_patches.png. It shows parts of images: you check licences and privacy.",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take what an earlier run has collected from the same weights and images.")
    ] = False,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = NumberFormat.AUTO,
    ray_address: RayAddress = None,
    tracking_uri: ReportTracking = None,
    experiment: Experiment = "lungxfer-features",
    as_json: Json = False,
) -> None:
    """Compare networks layer by layer: which features are shared between domains, and which donor fits.

    Writes features.html, tables/ and figures/. Exit code 1: images could not be read and were left out.
    """
    from monai_lungxfer.features.networks import parse_networks
    from monai_lungxfer.features.run import FeatureSettings, analyse_features
    from monai_lungxfer.study.execution.tracked_report import ReportTracker
    from monai_lungxfer.utils.precision import usable_device
    from monai_lungxfer.utils.progress import begin_in, progress_bar
    from monai_lungxfer.utils.threads import use_threads

    folders = split_pairs([*data, *(more or [])], "NAME=DIR", "--data")
    if patches_picture and len(folders) < 2:
        raise typer.BadParameter("a picture of nearest patches needs two domains", param_hint="--patches-picture")
    use_threads(threads)
    show_warnings_only()
    if device != "auto":
        usable_device(device)
    networks = parse_networks([name.strip() for name in weights.split(",") if name.strip()], seed, image_size)
    settings = FeatureSettings(limit, seed, device, precision.value, resume, overwrite, reference, patches_picture)
    told = tell_plan(ctx, data=folders)
    track = ReportTracker("features", tracking_uri, experiment, told)
    with _runner(ray_address) as run, progress_bar(progress_console()) as bar:
        places = {name: Path(folder).expanduser().absolute() for name, folder in folders.items()}
        written = analyse_features(networks, places, out.absolute(), settings, begin_in(bar), run, track)
    write_plan(out, "features", told)
    _show(written, as_json)
    if any(written.skipped.values()):
        raise typer.Exit(EXIT_PARTIAL)


@contextmanager
def _runner(address: str | None) -> Iterator[JobRunner]:
    """Give what does the work: this process, or a Ray cluster."""
    from monai_lungxfer.features.jobs import RayJobs, do_here
    from monai_lungxfer.utils.extras import connected

    if address is None:
        yield do_here
        return
    with connected(address) as ray:
        yield RayJobs(ray)


def _show(written: WrittenFeatures, as_json: bool) -> None:
    skipped = {name: [one._asdict() for one in images] for name, images in written.skipped.items()}
    if as_json:
        emit_json(vars(written) | {"skipped": skipped})
        return
    for name, images in skipped.items():
        for one in images:
            console.print(f"Skipped in {name}: {one['image']}: {one['reason']}", highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count} of {name}" for name, count in written.images.items())
    console.print(f"Images: {counts}", highlight=False, soft_wrap=True)
    for title, path in {"Report": written.page, "Tables": written.tables, "Figures": written.figures}.items():
        console.print(f"{title}: {path}", highlight=False, soft_wrap=True)
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")
