"""COCO JSON: polygons, and runs as lists or texts."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.public.annotations.marks import DrawnImage, Mark
from monai_lungxfer.data.public.annotations.runs import coco_counts, fill_runs
from monai_lungxfer.utils.errors import InputFileError

_KEYS = frozenset({"images", "annotations", "categories"})


def read_coco(content: Any, file: Path) -> list[DrawnImage] | None:
    """Read what a JSON file holds; ``None`` for JSON of another kind.

    InputFileError is raised when it is not as it should be.
    """
    if not isinstance(content, dict) or not content.keys() >= _KEYS:
        return None
    try:
        labels = {category["id"]: str(category["name"]) for category in content["categories"]}
        marks: dict[Any, list[Mark]] = defaultdict(list)
        for entry in content["annotations"]:
            marks[entry["image_id"]] += _marks(entry, labels[entry["category_id"]])
        return [
            DrawnImage(file, (str(image["file_name"]),), tuple(marks[image["id"]]), _size(image))
            for image in content["images"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(
            f"is not as a COCO file should be ({error!r})", source=file, remedy="Export the annotations again"
        ) from error


def _size(image: dict[str, Any]) -> tuple[int, int]:
    height, width = int(image["height"]), int(image["width"])
    if height <= 0 or width <= 0:
        raise ValueError(f"an image of {width} x {height} pixels")
    return height, width


def _marks(entry: dict[str, Any], label: str) -> list[Mark]:
    drawn = entry.get("segmentation")
    if isinstance(drawn, dict):
        counts = drawn["counts"]
        lengths = coco_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
        rows, columns = map(int, drawn["size"])
        return [Mark(label, region=partial(_paint, lengths, rows, columns))]
    # Parts of one lung, each of which is filled by itself.
    paths = [np.array(path, np.float64).reshape(-1, 2) for path in drawn or []]
    return [Mark(label, (path,)) for path in paths] or [Mark(label, kind="box")]


def _paint(counts: list[int], rows: int, columns: int, height: int, width: int) -> NDArray[np.bool_]:
    if (rows, columns) != (height, width):
        raise ValueError(f"it has {rows} × {columns} pixels, its image {height} × {width}")
    return fill_runs(counts, rows * columns).reshape(columns, rows).T  # COCO runs down the columns
