"""Annotations in Darwin JSON: which image they are of, its tags, and its polygons and painted regions as masks."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.public.darwin_raster import painted_regions
from monai_lungxfer.data.public.item import DrawnMask
from monai_lungxfer.data.records import read_json
from monai_lungxfer.utils.errors import InputFileError

Paths = tuple[NDArray[np.float64], ...]
"""Closed paths, each (N, 2) of x and y in pixels; what an odd number of them surrounds is inside."""

Shape = Paths | NDArray[np.bool_]
"""Paths, or a painted region, (H, W) of the image that was annotated."""

LUNGS = frozenset({"lung", "lungs", "left lung", "right lung"})
_IGNORED = frozenset({"ignore"})
_ASPECT_TOLERANCE = 0.01
_REGIONS = frozenset({"polygon", "complex_polygon", "tag"})
_OF_EVERY = frozenset(
    {"id", "name", "slot_names", "frames", "ranges", "properties", "attributes", "instance_id", "text"}
) | {"annotators", "reviewers", "keyframe", "inference", "hidden_areas", "interpolated", "interpolate_algorithm"}
_REMEDY = "Export the annotations again"


@dataclass(frozen=True)
class Annotation:
    """What a JSON file says of one image, whose semantic mask has the same stem as the file.

    The image may have any of `names`, the original one first. It had `height` and `width`, in pixels, when it was
    annotated. Regions that are `ignored` were marked as a foreign object or as not assessable. `tags` are classes of
    the whole image, `classes` those of its regions.
    """

    file: Path
    names: tuple[str, ...]
    height: int
    width: int
    lungs: tuple[Shape, ...]
    ignored: tuple[Shape, ...]
    tags: tuple[str, ...]
    classes: tuple[str, ...] = ()


def read_annotation(file: Path, lung_names: frozenset[str] = LUNGS) -> Annotation | None:
    """Read a Darwin file of version 1 (`image`) or 2 (`item` with one slot); None for JSON of another kind.

    Classes with one of `lung_names`, which are in small letters, are lungs.

    An `InputFileError` is raised when it is not as it should be, or marks a lung by what is no region, such as a box.
    """
    content = read_json(file)
    if not isinstance(content, dict) or not ({"image", "item"} & content.keys()) or "annotations" not in content:
        return None
    try:
        names, width, height = _image(content)
        if width <= 0 or height <= 0 or not names:
            raise ValueError(f"image {names} of {width} x {height} pixels")
        entries = [_still(entry) for entry in content["annotations"]]
        painted = painted_regions(entries, height, width)
        shapes = [(_name(entry), _shape(entry, painted)) for entry in entries]
        _refuse_other_marks(entries, painted, file, lung_names | _IGNORED)
        tags = tuple(str(entry["name"]).strip() for entry in entries if "tag" in entry)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputFileError(f"is not as a Darwin file should be ({error!r})", source=file, remedy=_REMEDY) from error
    lungs = tuple(shape for name, shape in shapes if name in lung_names and len(shape))
    ignored = tuple(shape for name, shape in shapes if name in _IGNORED and len(shape))
    regions = (entry for entry in entries if not entry.keys() & {"tag", "raster_layer"})
    classes = tuple(dict.fromkeys(str(entry["name"]).strip() for entry in regions))
    return Annotation(file, names, height, width, lungs, ignored, tags, classes)


def _refuse_other_marks(
    entries: list[dict[str, Any]], painted: Container[str], file: Path, names: frozenset[str]
) -> None:
    """Refuse a file that marks a lung by something else than a region, so that no mask lacks that lung."""
    for entry in entries:
        is_region = entry.keys() & _REGIONS or entry.get("id") in painted
        if _name(entry) in names and not is_region:
            raise InputFileError(
                f"marks {entry['name']!r} by {', '.join(sorted(entry.keys() - _OF_EVERY)) or 'nothing'} alone",
                source=file,
                remedy="Draw it as a polygon, or with the brush",
            )


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).strip().lower()


def _still(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an annotation with what its only frame holds, as files of DICOM images have it."""
    frames = list((entry.get("frames") or {}).values())
    if len(frames) > 1:
        raise ValueError(f"{len(frames)} frames")
    return entry | frames[0] if frames else entry


def _image(content: dict[str, Any]) -> tuple[tuple[str, ...], int, int]:
    if "image" in content:
        image = content["image"]
        names = (image.get("original_filename"), image.get("filename"))
        size = image
    else:
        (size,) = content["item"]["slots"]
        names = (content["item"].get("name"), *(source.get("file_name") for source in size.get("source_files", ())))
    given = dict.fromkeys(Path(name).name for name in names if name)
    return tuple(given), int(size["width"]), int(size["height"])


def _shape(entry: dict[str, Any], painted: dict[str, NDArray[np.bool_]]) -> Shape:
    if "mask" in entry:
        return painted.get(entry.get("id", ""), ())
    polygon = entry.get("polygon") or {}
    paths = polygon.get("paths") or [polygon.get("path") or [], *(polygon.get("additional_paths") or [])]
    if not polygon:
        paths = (entry.get("complex_polygon") or {}).get("path") or []
    closed = [np.array([(point["x"], point["y"]) for point in path], np.float64) for path in paths if path]
    if not all(np.isfinite(path).all() for path in closed):
        raise ValueError("a coordinate is not a finite number")
    return tuple(closed)


def draw_annotation(annotation: Annotation, height: int, width: int) -> DrawnMask:
    """Draw the lungs for an image of this size, which may have another scale than the annotated one.

    What lies under a foreign object is lung as well. Other proportions are refused.
    """
    scale = np.array([width / annotation.width, height / annotation.height])
    if not math.isclose(*scale, rel_tol=_ASPECT_TOLERANCE):
        raise InputFileError(
            f"was drawn on {annotation.width} × {annotation.height} pixels, and the image has {width} × {height}",
            source=annotation.file,
            remedy="Find the image that was annotated",
        )
    ignored = _union(annotation.ignored, scale, height, width)
    return DrawnMask(_union(annotation.lungs, scale, height, width), ignored)


def _union(shapes: Iterable[Shape], scale: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    union = np.zeros((height, width), bool)
    for shape in shapes:
        if isinstance(shape, np.ndarray):
            union |= np.asarray(Image.fromarray(shape).resize((width, height), Image.Resampling.NEAREST))
        else:
            union |= fill_paths([path * scale for path in shape], height, width)
    return union


def fill_paths(paths: Iterable[NDArray[np.float64]], height: int, width: int) -> NDArray[np.bool_]:
    """Return which pixels have their centre inside the paths, by the even-odd rule: a path within a path is a hole.

    Each path is (N, 2) of x and y in pixels from the top left corner of the image, closed of itself. What is returned
    is bool (height, width). Pillow's polygons would also paint the pixels on the boundary, and make lungs half a pixel
    larger all round.
    """
    crossings = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in _edges(paths):
        # Rows whose centre, at half a pixel, lies in the half-open interval between the ends.
        rows = np.arange(max(0, math.ceil(min(y0, y1) - 0.5)), min(height, math.ceil(max(y0, y1) - 0.5)))
        x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        crossings[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)] += 1
    return np.cumsum(crossings[:, :width], axis=1) % 2 == 1


def _edges(paths: Iterable[NDArray[np.float64]]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for path in paths:
        for start, end in zip(path, np.roll(path, -1, axis=0), strict=True):
            if start[1] != end[1]:
                yield start, end
