"""Segmentations of 3D Slicer: NAME.seg.nrrd, whose segments are levels of one layer."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.public.annotations.marks import DrawnImage, Mark
from monai_lungxfer.data.public.annotations.runs import place_crop
from monai_lungxfer.io.formats.attached import read_header
from monai_lungxfer.io.formats.nrrd import decode
from monai_lungxfer.utils.errors import InputFileError

SUFFIX = ".seg.nrrd"

_KEY = re.compile(r"(?:Segmentation_|Segment(\d+)_)(\w+)\s*:=(.*)")
_REFERENCE = re.compile(r"Reference image geometry\|((?:[^;|]*;){22})")


def read_segmentation(file: Path) -> DrawnImage:
    """Read a segmentation of one slice, which Slicer has cut to the box of what was drawn.

    Raises
    ------
    InputFileError
        When it cannot be read, has several slices, or segments that overlap.
    """
    lines, _ = read_header(file, lambda line: not line)
    keys: dict[tuple[str, str], str] = {}
    for line in lines:
        if match := _KEY.fullmatch(line):
            keys[match[1] or "", match[2]] = match[3]
    numbers = sorted({number for number, _ in keys if number}, key=int)
    if len({keys.get((number, "Layer"), "0") for number in numbers}) > 1:
        raise InputFileError(
            "has segments that overlap",
            source=file,
            remedy="In Slicer's module Segmentations, collapse the labelmap layers, and save it again",
        )
    try:
        left, top, _ = map(int, keys.get(("", "ReferenceImageExtentOffset"), "0 0 0").split())
        marks = [
            Mark(keys[number, "Name"], region=partial(_paint, file, int(keys[number, "LabelValue"]), top, left))
            for number in numbers
        ]
        size = _reference_size(keys.get(("", "ConversionParameters"), ""))
    except (KeyError, ValueError) as error:
        raise InputFileError(
            f"is not as Slicer writes it ({error!r})", source=file, remedy="Save the segmentation again"
        ) from error
    return DrawnImage(file, (file.name[: -len(SUFFIX)],), tuple(marks), size)


def _reference_size(parameters: str) -> tuple[int, int] | None:
    """Return rows and columns of the image that was drawn on: a matrix of 16 numbers, then the six ends of its axes."""
    match = _REFERENCE.search(parameters)
    if match is None:
        return None
    first_column, last_column, first_row, last_row = (int(float(word)) for word in match[1].split(";")[16:20])
    size = last_row - first_row + 1, last_column - first_column + 1
    return size if min(size) > 0 else None


def _paint(file: Path, level: int, top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
    pixels = decode(file).pixels
    return place_crop(pixels == level, top, left, height, width)
