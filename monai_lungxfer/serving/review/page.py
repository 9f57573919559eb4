"""The review page as the server answers it, and the pictures that it asks for."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.review.page import render_page
from monai_lungxfer.inference.review.records import review_data
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.serving.review.corrections import Corrections
from monai_lungxfer.utils.errors import InputFileError

LARGEST_PICTURE = 4096
"""Longest side of a radiograph's picture in pixels; the mask on it keeps its native size."""


def draw_page(corrections: Corrections, on_done: Callable[[], object] = lambda: None) -> str:
    """Return the review page as HTML, with the editor, and with outlines of masks that were corrected before.

    `on_done` is called after each radiograph. Pictures are not in the page: it asks the server for those it shows.
    """
    results = corrections.results
    numbers = {row["file"]: number for number, row in enumerate(results.run.rows)}

    def find_picture(row: Mapping[str, Any]) -> str:
        number = numbers[row["file"]]
        results.check_file(results.find(number))
        return f"records/{number}/thumbnail"

    data = review_data(results.run, find_picture, on_done)
    for record in data["records"]:
        record["number"] = numbers[record["file"]]
        if corrections.is_corrected(record["mask"]):
            record.update(_describe_corrected(corrections, record["number"]))
    return render_page(data | {"server": True})


def _describe_corrected(corrections: Corrections, number: int) -> dict[str, Any]:
    result = corrections.results.find(number)
    try:
        mask = corrections.read(result)
    except InputFileError as error:
        return {"outline": None, "missing": error.without_source}
    return {"outline": draw_outline(mask), "missing": None, "corrected": True}


def encode_radiograph(radiograph: Radiograph) -> bytes:
    """Return a radiograph as PNG, upright, windowed as overlays are, and no longer than `LARGEST_PICTURE`."""
    picture = thumbnail(radiograph.turn.apply(radiograph.pixels), LARGEST_PICTURE)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)  # it travels within this machine
    return buffer.getvalue()
