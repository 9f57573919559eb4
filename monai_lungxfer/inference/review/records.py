"""What the review page shows: a record for each radiograph of a run, with outlines of its mask, the worst first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer import __version__
from monai_lungxfer.inference.outlines import draw_outline, grid_size
from monai_lungxfer.inference.quality import FLAGS
from monai_lungxfer.inference.review.corrected import describe_corrected, find_corrections
from monai_lungxfer.inference.review.results import RunResults, read_result_mask
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.threads import granted_cores

NUMBERS = (
    *("lung_px", "lung_cm2", "right_lung_cm2", "left_lung_cm2", "share", "symmetry", "bridges", "islands", "cleaned"),
    *("dice_expected", "dice_low", "dice_high"),
)
"""Columns of predictions.json that the page shows or sorts by."""

Pictures = Callable[[Mapping[str, Any]], str]
"""Gives the URL of a radiograph's picture by its row of predictions.json; InputFileError says why there is none."""


def review_data(
    results: RunResults, pictures: Pictures | None = None, on_done: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Return what `monai_lungxfer.inference.review.page.render_page` shows of a run.

    Masks are read from their files, so what was mended by hand since is shown as it is now. Where a corrected mask
    exists, its outline takes the place of the network's.

    Parameters
    ----------
    results : RunResults
        From `monai_lungxfer.inference.review.results.read_results`.
    pictures : callable, optional
        The pictures; without it, the page shows outlines on grey.
    on_done : callable
        Called after each record.

    Returns
    -------
    dict
        For JSON: ``model``, ``version``, ``server`` (False), ``pictures`` (bool), ``flags`` (meaning by
        name), and ``records`` as `make_record` makes them, the worst first.
    """
    make = partial(make_record, results, pictures)
    with ThreadPoolExecutor(granted_cores()) as pool:
        records = list(_told(pool.map(make, results.rows), on_done))
    return {
        "format": "monai_lungxfer review 1",
        "version": __version__,
        "model": results.model,
        "server": False,
        "pictures": pictures is not None,
        "flags": FLAGS,
        "records": _with_corrected(results, sorted(records, key=badness)),
    }


def _with_corrected(results: RunResults, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    corrections = find_corrections(results)
    rows = {row["file"]: row for row in results.rows if row["file"] in corrections}
    for record in records:
        if (name := record["file"]) in corrections:
            record.update(describe_corrected(results, corrections[name], rows[name]))
    return records


def make_record(results: RunResults, pictures: Pictures | None, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record: columns of the table, and outlines on the grid of `monai_lungxfer.inference.outlines`.

    ``key`` is what the browser keeps the mark under: the same when the run was resumed or done again, and another for
    another radiograph of the same name, by the hash in the journal, or by its mask where the journal has none.
    ``input_sample`` is a hash of the radiograph where the journal has it: marks are saved with it.
    ``outline`` is that of the mask as it is, ``raw`` of the mask before cleaning where that is known and differs,
    ``missing`` says why there is no mask that can be shown, ``unpictured`` why there is no picture.
    """
    record = {name: row.get(name) for name in ("file", "status", "mask", "width", "height", "reason", *NUMBERS)}
    record |= {"flags": row["flags"], "remarks": row["remarks"], "outline": None, "raw": None, "missing": None}
    record |= {"picture": None, "unpictured": None, "grid": None, "key": _key(results, row)}
    record["input_sample"] = results.samples.get(row["file"])
    if row["status"] != "done":
        return record
    height, width = grid_size((row["height"], row["width"]))
    record |= {"grid": [width, height], "raw": results.raw_outlines.get(row["file"])}
    try:
        record["outline"] = draw_outline(_mask(results, row))
        record["key"] = _key(results, row, record["outline"])
    except InputFileError as error:
        record["missing"] = error.without_source
    try:
        record["picture"] = pictures(row) if pictures else None
    except InputFileError as error:
        record["unpictured"] = error.without_source
    return record


def badness(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what records are ordered by, the worst first.

    First come masks that are missing or empty, then the others by the expected Dice coefficient, and by the number of
    flags where it is not known. What was skipped comes after all masks, and what was left out last.
    """
    order = {"done": 0, "skipped": 1, "left out": 2}
    flags = len(record["flags"])
    expected = record["dice_expected"]
    return (
        order.get(record["status"], 3),
        bool(record["outline"]),
        2.0 if expected is None else expected,
        -flags,
        record["file"],
    )


def _mask(results: RunResults, row: Mapping[str, Any]) -> NDArray[np.uint8]:
    mask = read_result_mask(results.folder, row["mask"])
    if mask.shape != (row["height"], row["width"]):
        raise InputFileError(
            f"the mask has {mask.shape[1]}×{mask.shape[0]} pixels, the radiograph {row['width']}×{row['height']}",
            remedy="Segment the radiograph again",
        )
    return mask


def _told(records: Iterable[dict[str, Any]], on_done: Callable[[], object]) -> Iterator[dict[str, Any]]:
    for record in records:
        on_done()
        yield record


def _key(results: RunResults, row: Mapping[str, Any], outline: str | None = None) -> str:
    """Return the key of a mark; without a journal, the outline is all that tells radiographs of one name apart."""
    facts = [
        results.model,
        row["file"],
        row.get("width"),
        row.get("height"),
        results.samples.get(row["file"]) or outline,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
