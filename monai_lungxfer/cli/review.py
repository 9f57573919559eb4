"""The command `review`: a page to look through the results of `predict`; and what `predict` takes of its marks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import progress_console
from monai_lungxfer.cli.review_server import Port, Reviewer, Serve, check_server_options, serve_page
from monai_lungxfer.utils.deferred_imports import defer_imports
from monai_lungxfer.utils.errors import InputFileError

if TYPE_CHECKING:
    from monai_lungxfer.inference.inputs import InputFile
    from monai_lungxfer.inference.review.marks import ReviewMark

logger = logging.getLogger(__name__)

EXAMPLES = """Examples:

lungxfer predict -i ward/ -o masks

lungxfer review masks

lungxfer review masks --with-images --images ward/

lungxfer review masks --serve --images ward/"""

ReviewPage = Annotated[
    bool, typer.Option("--review", help="Also write review.html, a page to look through the masks (without pictures).")
]
MarksFile = Annotated[
    Path | None,
    typer.Option(
        "--marks", metavar="FILE", dir_okay=False, help="review.csv of the review page: fills the column review."
    ),
]
OnlyMarked = Annotated[
    str | None,
    typer.Option("--only-marked", metavar="MARKS", help="Segment only what --marks has so, e.g. reject,correct."),
]


def review(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="The output folder of lungxfer predict.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", dir_okay=False, help="The page.", show_default="RESULTS/review.html")
    ] = None,
    with_images: Annotated[
        bool, typer.Option("--with-images", help="Put small pictures of the radiographs into the page.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="DIR", help="Where the radiographs are: names in predictions.csv start here."),
    ] = None,
    serve: Serve = False,
    port: Port = None,
    reviewer: Reviewer = None,
) -> None:
    """Write one HTML page to look through the masks: worst first, with filters, keys and marks that can be saved.

    The page loads nothing from elsewhere and sends nothing. It contains the file names of the radiographs. Without
    --with-images it contains no picture of them, only the outlines of the masks.
    For research only: this is not a medical device.
    """
    check_server_options(images, out, port, reviewer, serve=serve)
    if serve and images is not None:
        serve_page(results, images, port, reviewer)
        return
    if with_images != (images is not None):
        raise typer.BadParameter("--with-images and --images DIR belong together")
    write_page(results, out, images)


def write_page(results: Path, out: Path | None = None, images: Path | None = None, *, silent: bool = False) -> None:
    """Write the review page, and print where it is, unless it is to be silent."""
    defer_imports()
    from monai_lungxfer.inference.overlay import NOTICE
    from monai_lungxfer.inference.review.results import read_results
    from monai_lungxfer.inference.review.write import write_review
    from monai_lungxfer.utils.progress import progress_bar

    found = read_results(results)
    with progress_bar(progress_console()) as progress:
        task = progress.add_task("Drawing the page", total=len(found.rows))
        page = write_review(found, out, images=images, on_done=lambda: progress.advance(task))
    if silent:
        return
    typer.echo(f"Review page: {page}")
    contained = "file names and pictures of radiographs" if images else "file names, and no pictures"
    typer.echo(f"It contains {contained}. {NOTICE}")


def read_review(marks: Path | None, only: str | None) -> Mapping[str, ReviewMark]:
    """Return the marks by the names of the radiographs, those in `only` if that is given."""
    if marks is None:
        if only is not None:
            raise typer.BadParameter("needs the marks: add --marks review.csv", param_hint="--only-marked")
        return {}
    from monai_lungxfer.inference.review.marks import MARKS, read_marks

    wanted = MARKS if only is None else tuple(name.strip() for name in only.split(","))
    if unknown := sorted(set(wanted).difference(MARKS)):
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(MARKS)}", param_hint="--only-marked")
    found = {name: mark for name, mark in read_marks(marks).items() if mark.mark in wanted}
    if not found:
        raise InputFileError("holds no such mark", source=marks, remedy="Mark masks in the review page, and save them")
    return found


def fitting_marks(files: Sequence[InputFile], review: Mapping[str, ReviewMark]) -> dict[str, str]:
    """Return the marks of the inputs, by their names; the log tells what fits none.

    A mark that was given to another file of the same name is not used. InputFileError is raised when no mark is of an
    input.
    """
    named = [item for item in files if item.name in review]
    fitting = {item.name: review[item.name].mark for item in named if review[item.name].fits(item.path)}
    if review and not fitting:
        reason = "all marks are of other radiographs that have the same names" if named else None
        raise InputFileError(
            reason or "none of the marks is of an input",
            remedy="Give the same inputs as in the run that was reviewed, so that they get the same names",
        )
    if others := len(review) - len({item.name for item in named}):
        logger.warning("Marks of files that are not among the inputs: %d", others)
    if replaced := len(named) - len(fitting):
        logger.warning("Marks of other radiographs that have the names of inputs, which are not used: %d", replaced)
    if unknown := sum(not review[name].input_sample for name in fitting):
        logger.warning("Marks that were matched by file name alone: %d", unknown)
    return fitting
