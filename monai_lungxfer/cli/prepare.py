"""``lungxfer data fetch`` and ``lungxfer data prepare``: public data sets become datalists."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Json, Overwrite
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from monai_lungxfer.data.public.prepare import PreparedDataset

NAMES = "lgg, cohen, kermany, v7, general, montgomery, shenzhen, jsrt, hannover, folder or annotations"
_option = partial(typer.Option, rich_help_panel="For your own images ('folder', 'annotations') only")

Name = Annotated[str, typer.Argument(help=f"The data set: {NAMES}.")]


def fetch(
    name: Name,
    out: Annotated[
        Path | None, typer.Option(*OUT, help="Folder to write.", show_default="raw/NAME", file_okay=False)
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Another address of the zip archive.", show_default="the authors' own")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="The archive's SHA-256, to be checked.")] = None,
) -> None:
    """Download a public data set and unpack it. What needs an account is named with its page instead.

    An interrupted download is continued by running the command again.
    """
    from monai_lungxfer.data.public.fetch import fetch as fetch_archive

    typer.echo(fetch_archive(name, out or Path("raw") / name, url=url, sha256=sha256))


def prepare(
    name: Name,
    raw: Annotated[Path, typer.Option(help="What was downloaded, unpacked.", exists=True, file_okay=False)],
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder that receives images/, masks/ and datalist.json.", file_okay=False)
    ],
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Refuse, and list, names that look like names of patients.")
    ] = False,
    overwrite: Overwrite = False,
    view: Annotated[str | None, _option(help="View of all images, as in AP Supine.")] = None,
    license_: Annotated[str | None, _option("--license", help="Licence of all images.")] = None,
    device: Annotated[str | None, _option(help="Device of all images.")] = None,
    mask_convention: Annotated[str | None, _option(help="How the masks were drawn, as in v7 or scr.")] = None,
    masks: Annotated[
        Path | None,
        _option(help="Where masks or annotations are, if not among the images.", exists=True, file_okay=False),
    ] = None,
    patient: Annotated[str | None, _option(help=r"Where the patient is in a file's name, as in '^(p\d+)_'.")] = None,
    lung_label: Annotated[
        list[str] | None, _option(metavar="LABEL", help="A label that is lung; others are left out. May be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a public data set into a folder that every other command reads. Exit code 1: files were skipped."""
    from monai_lungxfer.data.public import prepare as work
    from monai_lungxfer.utils.progress import show_progress

    prepared = work.prepare(
        name,
        raw,
        out,
        facts=work.Facts(view, license_, device, mask_convention, patient, tuple(lung_label or ())),
        masks=masks,
        anonymise=anonymise,
        overwrite=overwrite,
        watch=lambda items: show_progress(items, "Preparing", progress_console()),
    )
    _show(prepared, as_json)
    if prepared.skipped:
        raise typer.Exit(EXIT_PARTIAL)


def _show(prepared: PreparedDataset, as_json: bool) -> None:
    if as_json:
        skipped = [vars(one) for one in prepared.skipped]
        emit_json(vars(prepared) | {"skipped": skipped})
        return
    for note in prepared.notes:
        console.print(f"Note: {note}", highlight=False, soft_wrap=True)
    for one in prepared.skipped:
        console.print(f"Skipped: {one.file}: {one.reason}", highlight=False, soft_wrap=True)
    findings = ", ".join(f"{count} {finding}" for finding, count in sorted(prepared.findings.items()))
    console.print(
        f"{prepared.images} images ({findings}), {prepared.masks} masks, {prepared.patients} patients, "
        f"{len(prepared.skipped)} files skipped",
        highlight=False,
        soft_wrap=True,
    )
    typer.echo(prepared.folder)
