"""``lungxfer serve``: the bundles behind servers that other programs use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from monai_lungxfer.cli import node
from monai_lungxfer.cli.console import console
from monai_lungxfer.cli.options import OUT, Device

serve_app = typer.Typer(no_args_is_help=True, help="Serve the bundles to other programs.")


@serve_app.callback()
def _serve() -> None:
    """Serve the bundles to other programs."""


serve_app.command("dicom", epilog=node.EXAMPLES)(node.dicom)


@serve_app.command("label")
def label(
    studies: Annotated[str, typer.Option(help="Folder of radiographs, or URL of a DICOMweb service.")],
    bundles: Annotated[
        list[str] | None,
        typer.Option(
            "--bundle",
            help="general, portable, a bundle's folder or zip. May be repeated.",
            show_default="portable",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(*OUT, help="The server's folder: bundles, trainings.")] = Path("runs/label"),
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    expose: Annotated[bool, typer.Option("--expose", help="Allow a --host that other machines reach.")] = False,
    max_megabytes: Annotated[float, typer.Option(min=1, help="Largest request.")] = 100,
    device: Device = "auto",
    stock: Annotated[bool, typer.Option("--stock", help="By MONAI Label's own app monaibundle, to compare.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name, besides --host, that browsers know it by. May be repeated.")
    ] = None,
) -> None:
    """Serve radiographs to annotators with MONAI Label; its environment (4 GB) is made when it is missing.

    Not a medical device.
    """
    from monai_lungxfer.serving.label.launch import EXPOSED, LabelSettings, prepare

    chosen = bundles or ("portable",)
    names = tuple(allow_host or ())
    settings = LabelSettings(studies, chosen, out, host, port, expose, max_megabytes, device, stock, names)
    command = prepare(settings)
    if not settings.is_local:
        console.print(f"{EXPOSED}.", style="yellow", soft_wrap=True)
    console.print(f"MONAI Label at http://{host}:{port}", soft_wrap=True, highlight=False)
    os.chdir(command.folder)
    # The server takes the place of this process, so that what stops the one stops the other.
    os.execve(command.words[0], command.words, command.environment)  # noqa: S606 - no shell is wanted
