"""What CVAT exports: "CVAT for images 1.1" (annotations.xml) and "Segmentation mask 1.1" (labelmap.txt, PNG files)."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.public.annotations.marks import DrawnImage, Mark
from monai_lungxfer.data.public.annotations.runs import fill_runs, place_crop
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

LABELMAP = "labelmap.txt"
MASK_FOLDER, OBJECT_FOLDER = "SegmentationClass", "SegmentationObject"

_DECLARATION = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_IMAGES = 'Export it as "CVAT for images 1.1"'
_AGAIN = "Export the annotations again"
_BACKGROUND = frozenset({"background", "__ignore__"})


def read_xml(file: Path) -> list[DrawnImage] | None:
    """Read an annotations.xml; ``None`` for XML of another kind.

    Raises
    ------
    InputFileError
        When it is not XML, declares entities, is of a video, or lacks what each image must have.
    """
    root = _parse(file)
    if root.tag != "annotations":
        return None
    if root.find("track") is not None:
        raise InputFileError("holds the tracks of a video", source=file, remedy=_IMAGES)
    try:
        return [_image(element, file) for element in root.iter("image")]
    except (KeyError, ValueError) as error:
        raise InputFileError(f"is not as CVAT writes it ({error!r})", source=file, remedy=_AGAIN) from error


def _parse(file: Path) -> ET.Element:
    try:
        content = file.read_bytes()
        if _DECLARATION.search(content):  # entities could grow without a bound, or name files
            raise InputFileError("declares a document type, which is not read", source=file, remedy=_IMAGES)
        return ET.fromstring(content)  # noqa: S314 - without entities
    except (OSError, ET.ParseError) as error:
        raise InputFileError(f"is no XML that can be read ({error})", source=file, remedy=_AGAIN) from error


def _image(element: ET.Element, file: Path) -> DrawnImage:
    height, width = (int(element.attrib[name]) for name in ("height", "width"))
    if height <= 0 or width <= 0:
        raise ValueError(f"an image of {width} x {height} pixels")
    marks = [_mark(shape) for shape in element if "label" in shape.attrib and shape.tag != "tag"]
    return DrawnImage(file, (element.attrib["name"],), tuple(marks), (height, width))


def _mark(shape: ET.Element) -> Mark:
    label = shape.attrib["label"]
    if shape.tag == "polygon":
        points = [tuple(map(float, pair.split(","))) for pair in shape.attrib["points"].split(";")]
        return Mark(label, (np.array(points, np.float64).reshape(-1, 2),))
    if shape.tag == "mask":
        counts = [int(count) for count in shape.attrib["rle"].split(",")]
        box = [int(shape.attrib[name]) for name in ("top", "left", "height", "width")]
        return Mark(label, region=partial(_paint_crop, counts, *box))
    return Mark(label, kind=shape.tag)


def _paint_crop(counts: list[int], top: int, left: int, rows: int, columns: int, *size: int) -> NDArray[np.bool_]:
    if rows < 0 or columns < 0:
        raise ValueError("its box has no size")
    return place_crop(fill_runs(counts, rows * columns).reshape(rows, columns), top, left, *size)


def read_mask_folder(labelmap: Path) -> list[DrawnImage]:
    """Read the folder around a labelmap.txt: each PNG in `MASK_FOLDER` belongs to the image of its name.

    Raises
    ------
    InputFileError
        When the list of labels is malformed, or there is no such folder.
    """
    colours = _read_colours(labelmap)
    folder = labelmap.parent / MASK_FOLDER
    if not folder.is_dir():
        raise InputFileError(f"has no folder {MASK_FOLDER} beside it", source=labelmap, remedy=_AGAIN)
    found = []
    for file in sorted(folder.rglob("*.png")):
        marks = [Mark(label, region=partial(_paint_colour, file, colour)) for label, colour in colours.items()]
        found.append(DrawnImage(file, (file.relative_to(folder).with_suffix("").as_posix(),), tuple(marks)))
    return found


def _read_colours(labelmap: Path) -> dict[str, tuple[int, ...]]:
    colours = {}
    try:
        for line in labelmap.read_text(encoding="utf-8-sig").splitlines():
            if line.strip() and not line.startswith("#"):
                label, colour = line.split(":")[:2]
                red, green, blue = map(int, colour.split(","))
                colours[label] = red, green, blue
    except (OSError, ValueError) as error:
        raise InputFileError(
            f"is no list of labels and colours ({error})",
            source=labelmap,
            remedy='Export "Segmentation mask 1.1" again',
        ) from error
    return {label: colour for label, colour in colours.items() if label not in _BACKGROUND}


def _paint_colour(file: Path, colour: tuple[int, ...], height: int, width: int) -> NDArray[np.bool_]:
    pixels = read_radiograph(file, "rgb").pixels
    if pixels.shape[1:] != (height, width):
        raise ValueError(f"the mask has {pixels.shape[1]} × {pixels.shape[2]} pixels, its image {height} × {width}")
    painted: NDArray[np.bool_] = (pixels == np.reshape(colour, (3, 1, 1))).all(axis=0)
    return painted
