"""Label Studio's JSON: polygons in percent of the image, and the brush."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from monai_lungxfer.data.public.annotations.marks import DrawnImage, Mark
from monai_lungxfer.data.public.annotations.runs import brush_region
from monai_lungxfer.utils.errors import InputFileError

_AREAS = re.compile(r"(polygon|brush|rectangle|ellipse|keypoint|vector|bitmask)(labels)?")
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # what Label Studio puts before the names of uploaded files
_AGAIN = 'Export the annotations again, as "JSON"'


def read_label_studio(content: Any, file: Path) -> list[DrawnImage] | None:
    """Read what a JSON file holds, a list of tasks; ``None`` for JSON of another kind.

    Raises
    ------
    InputFileError
        When it is not as it should be, or is "JSON-MIN".
    """
    tasks = content if isinstance(content, list) else [content]
    if not tasks or not all(isinstance(task, dict) for task in tasks):
        return None
    if all("annotation_id" in task and "annotations" not in task for task in tasks):
        raise InputFileError('is an export as "JSON-MIN"', source=file, remedy=_AGAIN)
    if not all({"data", "annotations"} <= task.keys() for task in tasks):
        return None
    try:
        return [_task(task, file) for task in tasks]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"is not as Label Studio writes it ({error!r})", source=file, remedy=_AGAIN) from error


def _task(task: dict[str, Any], file: Path) -> DrawnImage:
    made = [one for one in task["annotations"] if not one.get("was_cancelled")]
    chosen = [one for one in made if one.get("ground_truth")] or made
    names = _names(task)
    results = [one for one in (chosen[0]["result"] if chosen else []) if _AREAS.fullmatch(str(one.get("type")))]
    refused = None
    if len(chosen) > 1:
        remedy = "Keep one of them, or mark one as ground truth"
        refused = InputFileError(f"has {len(chosen)} annotations of this image", source=file, remedy=remedy)
    elif any(one.get("image_rotation") for one in results):
        remedy = "Turn it back in Label Studio, and draw it again"
        refused = InputFileError("was drawn on a turned image", source=file, remedy=remedy)
    sizes = {(int(one["original_height"]), int(one["original_width"])) for one in results}
    if len(sizes) > 1 or any(side <= 0 for size in sizes for side in size):
        raise ValueError(f"sizes {sorted(sizes)} of one image")
    marks = [mark for one in results for mark in _marks(one)]
    return DrawnImage(file, names, tuple(marks), next(iter(sizes), None), refused=refused)


def _names(task: dict[str, Any]) -> tuple[str, ...]:
    """Return what the image may be called, by the only value of the task's data that looks like a file's name."""
    given = [str(value) for value in (*task["data"].values(), task.get("file_upload")) if isinstance(value, str)]
    names = []
    for value in given:
        parts = urlsplit(value)
        path = PurePosixPath(unquote((parse_qs(parts.query).get("d") or [parts.path])[0]))
        uploaded = _UPLOADED.fullmatch(path.name)
        names += [path.as_posix().lstrip("/"), *([uploaded[1]] if uploaded else [])]
    named = tuple(dict.fromkeys(name for name in names if PurePosixPath(name).suffix))
    if not named:
        raise ValueError("a task without an image")
    return named


def _marks(result: dict[str, Any]) -> list[Mark]:
    kind, value = result["type"], result["value"]
    labels = value.get(kind) or value.get("labels") or [""]
    height, width = int(result["original_height"]), int(result["original_width"])
    if kind.startswith("polygon"):
        points = np.array(value["points"], np.float64).reshape(-1, 2) * (width / 100, height / 100)
        return [Mark(str(label), (points,)) for label in labels]
    if kind.startswith("brush") and value.get("format") == "rle":
        return [Mark(str(label), region=partial(brush_region, value["rle"])) for label in labels]
    return [Mark(str(label), kind=kind.removesuffix("labels")) for label in labels]
