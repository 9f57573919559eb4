"""The review page as the server answers it, and the pictures that it asks for."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.review.corrected import as_corrected
from monai_lungxfer.inference.review.page import render_page
from monai_lungxfer.inference.review.records import review_data
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.serving.review.corrections import Corrections

LARGEST_PICTURE = 4096
"""Longest side of a radiograph's picture in pixels; the mask on it keeps its native size."""


class ServedPage:
    """The review page of a server, which shows what was corrected meanwhile when it is loaded again.

    Parameters
    ----------
    data : dict
        What `monai_lungxfer.inference.review.page.render_page` takes; its records have a ``number``.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._records = {record["number"]: record for record in data["records"]}
        self._changing = threading.Lock()
        self._rendered: bytes | None = None

    def update(self, number: int, outline: str) -> None:
        """Show a corrected mask by its outline from now on."""
        with self._changing:
            self._records[number].update(as_corrected(outline))
            self._rendered = None

    def render(self) -> bytes:
        """Return the page as HTML."""
        with self._changing:
            if self._rendered is None:
                self._rendered = render_page(self._data).encode()
            return self._rendered


def draw_page(corrections: Corrections, on_done: Callable[[], object] = lambda: None) -> ServedPage:
    """Return the review page, with the editor, and with outlines of masks that were corrected before.

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
    return ServedPage(data | {"server": True})


def encode_radiograph(radiograph: Radiograph) -> bytes:
    """Return a radiograph as PNG, upright, windowed as overlays are, and no longer than `LARGEST_PICTURE`."""
    picture = thumbnail(radiograph.turn.apply(radiograph.pixels), LARGEST_PICTURE)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=1)  # it travels within this machine
    return buffer.getvalue()
