"""From the folder of a run to its review page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from monai_lungxfer.inference.review.page import render_page
from monai_lungxfer.inference.review.pictures import check_images, picture_url
from monai_lungxfer.inference.review.records import review_data
from monai_lungxfer.inference.review.results import RunResults
from monai_lungxfer.utils.files import write_text

logger = logging.getLogger(__name__)

PAGE_NAME = "review.html"
"""The file that the page is written to, in the folder of the results, unless another is named."""


def write_review(
    results: RunResults,
    out: str | Path | None = None,
    *,
    images: str | Path | None = None,
    on_done: Callable[[], object] = lambda: None,
) -> Path:
    """Write the review page of a run, in place of an earlier one.

    Parameters
    ----------
    results : RunResults
        From `monai_lungxfer.inference.review.results.read_results`.
    out : str or pathlib.Path, optional
        The file; by default `PAGE_NAME` in the folder of the results.
    images : str or pathlib.Path, optional
        The folder of the radiographs, which the names in the table start from. With it, the page contains pictures of
        them, without it none.
    on_done : callable
        Called after each radiograph.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    LungXferError
        When no radiograph is in `images`, or the page cannot be written.
    """
    path = results.folder / PAGE_NAME if out is None else Path(out).expanduser()
    folder = None if images is None else Path(images).expanduser()
    if folder is not None:
        check_images(results, folder)
    pictures = None if folder is None else partial(picture_url, results, folder)
    data = review_data(results, pictures, on_done)
    if lacking := sum(record["unpictured"] is not None for record in data["records"]):
        logger.warning("Radiographs whose picture is missing in the page, which says why: %d", lacking)
    write_text(path, render_page(data))
    return path
