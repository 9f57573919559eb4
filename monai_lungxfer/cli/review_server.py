"""What the command `review` does with ``--serve``: a server on this machine, in whose page masks are corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_lungxfer.cli.console import progress_console
from monai_lungxfer.utils.deferred_imports import defer_imports

Serve = Annotated[
    bool, typer.Option("--serve", help="Open the page on this machine, to correct masks in it. Needs --images.")
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port of --serve; 0 takes a free one.", show_default="8765"),
]
Reviewer = Annotated[
    str | None,
    typer.Option(
        "--reviewer", metavar="NAME", help="Who corrects, for corrections.csv and DICOM SEG. May be left out."
    ),
]
_PORT = 8765


def check_server_options(
    images: Path | None, out: Path | None, port: int | None, reviewer: str | None, *, serve: bool
) -> None:
    """Refuse, by `typer.BadParameter`, options that do not go together."""
    if not serve:
        if port is not None or reviewer is not None:
            raise typer.BadParameter("--port and --reviewer are for --serve")
        return
    if images is None:
        raise typer.BadParameter("--serve needs the radiographs: add --images DIR")
    if out is not None:
        raise typer.BadParameter("--serve writes no page: leave --out out")


def serve_page(results: Path, images: Path, port: int | None, reviewer: str | None) -> None:
    """Serve the page until the command is interrupted, and print its address."""
    defer_imports()
    from monai_lungxfer.inference.overlay import NOTICE
    from monai_lungxfer.inference.review.results import read_results
    from monai_lungxfer.serving.review.corrections import Corrections
    from monai_lungxfer.serving.review.page import draw_page
    from monai_lungxfer.serving.review.results import ReviewedResults
    from monai_lungxfer.serving.review.server import open_server
    from monai_lungxfer.utils.progress import progress_bar

    corrections = Corrections(ReviewedResults(read_results(results), images.expanduser()), reviewer)
    with open_server(corrections, _PORT if port is None else port) as server:
        with progress_bar(progress_console()) as progress:
            task = progress.add_task("Drawing the page", total=len(corrections.results))
            server.show(draw_page(corrections, lambda: progress.advance(task)))
        typer.echo(f"Review page: {server.url}")
        typer.echo(f"Corrected masks go to {corrections.folder}")
        typer.echo(f"Whoever has this address sees the radiographs. Ctrl+C ends the server. {NOTICE}")
        server.serve_forever()
