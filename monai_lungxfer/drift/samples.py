"""What is compared: numbers and flags of radiographs, by a table of predictions or the journal of a DICOM node."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.drift.grey import GREY_NAMES, measure_grey
from monai_lungxfer.inference.review.pictures import image_path
from monai_lungxfer.inference.tables import TABLE_NAMES
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.serving.dicom.journal_view import JOURNAL_NAME, JournalView
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import InputFileError

logger = logging.getLogger(__name__)

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "lung_cm2": "Lung area, cm²",
        "share": "Lungs' share of the image",
        "height_share": "Lungs' share of the height",
        "side_ratio": "Right over left lung, area",
        "confidence": "Confidence",
        "dice_expected": "Expected Dice",
        "aspect": "Image width over height",
        "megapixels": "Image size, megapixels",
        "grey_mean": "Grey, mean",
        "grey_spread": "Grey, standard deviation",
        "grey_entropy": "Grey, entropy in bits",
        "noise": "Noise",
        "sharpness": "Sharpness",
        "dark": "Dark share of the image",
    }
)
"""What is compared of each radiograph; grey values need the images, the rest is in the table."""

NOT_DONE = ("skipped", "left out")
"""Rates besides those of the flags: files that were not segmented."""

Values = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class PredictionSample:
    """One of the two sets.

    Attributes
    ----------
    images : int
        Radiographs that were segmented.
    values : mapping
        Numbers by the names of `TITLES`, without what is unknown; each of them is of at most `images` radiographs.
    counts : mapping
        How many radiographs have a flag, or are `NOT_DONE`.
    files : int
        Radiographs, segmented or not.
    models : frozenset of str
        What made the masks.
    unread : int
        Radiographs of which no grey values could be measured, though they were asked for.
    """

    images: int
    values: Values
    counts: Mapping[str, int]
    files: int
    models: frozenset[str] = field(default_factory=frozenset)
    unread: int = 0


def read_sample(
    place: str | Path, images: Path | None = None, on_done: Callable[[], object] = lambda: None
) -> PredictionSample:
    """Read one side of a comparison.

    Parameters
    ----------
    place : str or pathlib.Path
        The output folder of ``lungxfer predict``, its predictions.csv, or the spool of a DICOM node, whose journal
        tells flags and failures, and no numbers.
    images : pathlib.Path, optional
        The folder that the names in the table start from; grey values are measured of the radiographs there.
    on_done : callable
        Called after each radiograph that is read.

    Raises
    ------
    InputFileError
        When there is neither, it cannot be read, or `images` are given for a journal.
    """
    place = Path(place).expanduser()
    if (place / JOURNAL_NAME).is_file() or place.name == JOURNAL_NAME:
        if images is not None:
            raise InputFileError("a node's journal names no images", source=place, remedy="Leave the images out")
        return _read_journal(place if place.is_dir() else place.parent)
    table = place / TABLE_NAMES[0] if place.is_dir() else place
    rows = _read_table(table)
    done = [row for row in rows if row["status"] == "done"]
    if images is not None and done and not any(image_path(images, row["file"]).is_file() for row in done):
        remedy = "Give the folder that the names in predictions.csv start from"
        raise InputFileError("none of the radiographs is in this folder", source=images, remedy=remedy)
    measured = [dict(_read_numbers(row)) for row in done]
    unread = 0
    if images is not None:
        for row, numbers in zip(done, measured, strict=True):
            grey = _measure_image(images, row["file"])
            unread += not grey
            numbers.update(grey)
            on_done()
    flags = Counter(flag for row in done for flag in row["flags"].split(";") if flag)
    flags.update(row["status"] for row in rows if row["status"] in NOT_DONE)
    models = frozenset(row["model"] for row in done)
    return PredictionSample(len(done), _collect(measured), flags, len(rows), models, unread)


def make_sample(rows: Iterable[Mapping[str, object]]) -> PredictionSample:
    """Return the sample of rows as `monai_lungxfer.inference.tables.Prediction.as_row` makes them; all were segmented.

    Grey values may stand in them under the names of `GREY_NAMES`.
    """
    rows = list(rows)
    measured = [
        dict(_read_numbers({name: "" if value is None else str(value) for name, value in row.items()})) for row in rows
    ]
    for row, numbers in zip(rows, measured, strict=True):
        numbers.update({name: float(str(row[name])) for name in GREY_NAMES if name in row})
    flags = Counter(flag for row in rows for flag in row["flags"])  # type: ignore[attr-defined]
    return PredictionSample(len(rows), _collect(measured), flags, len(rows))


def _read_table(table: Path) -> list[dict[str, str]]:
    try:
        rows = read_rows(table)
        for row in rows:
            row["status"], row["file"], row["flags"], row["model"]
            dict(_read_numbers(row))
    except FileNotFoundError as error:
        remedy = "Give the output folder of lungxfer predict, its predictions.csv, or the spool of a DICOM node"
        raise InputFileError("there is no table of predictions", source=table, remedy=remedy) from error
    except (OSError, ValueError, KeyError) as error:
        remedy = "Run lungxfer predict again with --resume, which writes it anew"
        raise InputFileError("is not a table of predictions, or is damaged", source=table, remedy=remedy) from error
    return rows


def _read_numbers(row: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """Yield what the row of a table tells; ValueError is raised for what is no finite number, and a size of zero."""
    for name in ("lung_cm2", "share", "height_share", "confidence", "dice_expected"):
        if row.get(name):
            yield name, _finite(row[name])
    right, left = (_finite(row.get(name) or "0") for name in ("right_lung_px", "left_lung_px"))
    if right and left:
        yield "side_ratio", right / left
    if row.get("width") and row.get("height"):
        width, height = _finite(row["width"]), _finite(row["height"])
        if not width or not height:
            raise ValueError
        yield "aspect", width / height
        yield "megapixels", width * height / 1e6


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _measure_image(folder: Path, name: str) -> dict[str, float]:
    """Return the grey values of a radiograph, none where it cannot be read."""
    try:
        grey = measure_grey(read_radiograph(image_path(folder, name), name=name).pixels)
    except InputFileError as error:
        logger.warning("%s: no grey values: %s", name, error.without_source)
        return {}
    return {} if grey is None else asdict(grey)


def _collect(measured: Iterable[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    measured = list(measured)
    found = {name: np.array([one[name] for one in measured if name in one], float) for name in TITLES}
    return {name: values for name, values in found.items() if values.size}


def _read_journal(spool: Path) -> PredictionSample:
    """Read the journal of a node; rows that wait are not counted."""
    view = JournalView(spool)
    try:
        rows = view.database.read("SELECT state, model, flags, segmented_at FROM radiographs WHERE state <> 'received'")
    finally:
        view.close()
    done = [row for row in rows if row["segmented_at"] is not None]
    flags = Counter(flag for row in done for flag in (row["flags"] or "").split(",") if flag)
    others = [row for row in rows if row["segmented_at"] is None]
    flags.update("left out" if row["state"] == "left out" else "skipped" for row in others)
    models = frozenset(row["model"] for row in done if row["model"])
    return PredictionSample(len(done), {}, flags, len(rows), models)
