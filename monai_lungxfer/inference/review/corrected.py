"""Corrected masks of a run: where they are, and how a page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.review.results import RunResults, read_result_mask
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import InputFileError

CORRECTED = "corrected"
"""Folder, in that of the results, for corrected masks; they have the names of the network's."""

CORRECTIONS_TABLE = "corrections.csv"
"""Name of the table in the folder of the corrected masks: one row for each, of its last saving."""


def read_corrections(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of `CORRECTIONS_TABLE` in a folder of corrected masks, by the radiographs' names.

    There are none without a table; InputFileError is raised when it is not one that a review has written.
    """
    table = folder / CORRECTIONS_TABLE
    try:
        return {row["file"]: row for row in read_rows(table)} if table.is_file() else {}
    except (OSError, ValueError, KeyError) as error:
        raise InputFileError(
            "is not the table that a review has written", source=table, remedy="Move it away, and start again"
        ) from error


def has_own_masks(results: RunResults) -> bool:
    """Tell whether masks of the network lie where corrected ones go."""
    return any(Path(row["mask"]).parts[0].casefold() == CORRECTED for row in results.rows if row["mask"])


def find_corrections(results: RunResults) -> dict[str, Mapping[str, Any]]:
    """Return the rows of `CORRECTIONS_TABLE` of all corrected masks that exist; one that it does not list has none."""
    folder = results.folder / CORRECTED
    if has_own_masks(results):
        return {}
    table = read_corrections(folder)
    made = (row["file"] for row in results.rows if row["mask"] and (folder / row["mask"]).is_file())
    return {name: table.get(name, {}) for name in made}


def read_corrected_mask(
    results: RunResults, correction: Mapping[str, Any], row: Mapping[str, Any]
) -> NDArray[np.uint8]:
    """Read the corrected mask of a row of predictions.json, uint8 (H, W) of {0, 1}, as its radiograph is stored.

    Parameters
    ----------
    results : RunResults
        The run.
    correction : mapping
        The row of `CORRECTIONS_TABLE`, or an empty one.
    row : mapping
        The row of predictions.json.

    Raises
    ------
    InputFileError
        When the mask cannot be read, has another size, or was drawn on another radiograph that had this name.
    """
    known = correction.get("input_sample"), results.samples.get(row["file"])
    if all(known) and known[0] != known[1]:
        raise InputFileError(
            "the corrected mask is of another radiograph, which had this name before",
            remedy=f"Move the folder {CORRECTED} away, and start again",
        )
    return read_sized_mask(results.folder / CORRECTED, row["mask"], (row["height"], row["width"]))


def read_sized_mask(folder: Path, name: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a mask in the stored orientation, uint8 (H, W) of {0, 1}; InputFileError is raised for another size."""
    mask = read_result_mask(folder, name)
    if mask.shape != size:
        raise InputFileError(
            "the mask is not of its radiograph's size", source=folder / name, remedy="Segment the radiograph again"
        )
    return mask


def describe_corrected(results: RunResults, correction: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page's record says instead, where a corrected mask exists: its outline, or why there is none."""
    try:
        mask = read_corrected_mask(results, correction, row)
    except InputFileError as error:
        return {"outline": None, "missing": error.without_source, "corrected": True}
    return as_corrected(draw_outline(mask))


def as_corrected(outline: str) -> dict[str, Any]:
    """Return what a page's record says of a corrected mask with such an outline."""
    return {"outline": outline, "missing": None, "corrected": True}
