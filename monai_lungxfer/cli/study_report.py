"""``lungxfer study report``: what a study found, as a page, tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import Device, Json

__all__ = ["report"]


def report(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.", exists=True, file_okay=False)],
    out: Annotated[Path | None, typer.Option(help="Where to.", show_default="STUDY", file_okay=False)] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Show images of the independent half: they get into the page.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="The study's data, for --with-images.", show_default="as in its plan")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Write report.html, tables/ and figures/ of a study, finished or not; the page needs no network.

    Images are shown without names or paths, as case numbers; text burnt into their pixels stays.
    """
    if data is not None and not with_images:
        raise typer.BadParameter("is needed for --with-images alone", param_hint="--data")
    from monai_lungxfer.study.report.write import write_report

    written = write_report(study, out, with_images=with_images, data=data, device=device)
    if as_json:
        emit_json(vars(written))
        return
    console.print(f"{written.finished} of {written.planned} repetitions are finished", highlight=False)
    for title, path in {"Report": written.page, "Tables": written.tables, "Figures": written.figures}.items():
        console.print(f"{title}: {path}", soft_wrap=True, highlight=False)
    console.print("Not a medical device: for research, not for diagnosis.", style="italic")
