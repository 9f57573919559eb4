"""What a tool's file says of one image: marks with a label, and how they become one mask of both lungs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.public.darwin import Paths, fill_paths
from monai_lungxfer.data.public.item import DrawnMask
from monai_lungxfer.io.formats.picture import check_size
from monai_lungxfer.utils.errors import InputFileError

Region = Callable[[int, int], NDArray[np.bool_]]
"""Gives a painted region, bool (H, W), for an image of so many rows and columns; ValueError when it does not fit."""

LUNG_LABELS = frozenset(
    {"lung", "lungs", "left lung", "right lung", "lung left", "lung right", "l lung", "r lung", "lung l", "lung r"}
) | {"lung field", "lung fields", "left lung field", "right lung field", "both lungs"}
"""Labels that are taken as lung, both sides alike, in any case and with any of ``_-()`` between the words."""

IGNORED_LABELS = frozenset({"ignore", "ignored", "foreign object"})
"""Labels of pixels that are a foreign object, or not assessable."""

_ASPECT_TOLERANCE = 0.01
_OUTSIDE = 0.02  # of the side: tools let a polygon's corner slip over the border


@dataclass(frozen=True)
class Mark:
    """One thing that was drawn: closed paths, or a painted region; or neither, and then `kind` says what it is."""

    label: str
    paths: Paths = ()
    region: Region | None = None
    kind: str = "polygon"


@dataclass(frozen=True)
class DrawnImage:
    """What a file says of one image.

    Attributes
    ----------
    file : pathlib.Path
        That of the annotation.
    names : tuple of str
        What the image may be called, with or without folders, the likeliest first; one without a suffix is a stem.
    marks : tuple of Mark
        All that was drawn.
    size : tuple of int or None
        Rows and columns of the image that was annotated, where the file says so.
    uid : str or None
        SOP Instance UID of the image, instead of a name.
    refused : InputFileError or None
        Why its marks are of no use, though the rest of the file is.
    """

    file: Path
    names: tuple[str, ...]
    marks: tuple[Mark, ...]
    size: tuple[int, int] | None = None
    uid: str | None = None
    refused: InputFileError | None = None


def plain_label(label: str) -> str:
    """Return a label in small letters and with single blanks between its words.

    Examples
    --------
    >>> plain_label("Lung_(Left)")
    'lung left'
    """
    return " ".join(re.sub(r"[\W_]+", " ", label).casefold().split())


def draw_marks(drawn: DrawnImage, height: int, width: int, *, lungs: Collection[str] = ()) -> DrawnMask:
    """Draw the lungs of one image at its size, which may have another scale than the annotated one.

    Parameters
    ----------
    drawn : DrawnImage
        What its annotation says.
    height, width : int
        Of the image, in pixels.
    lungs : collection of str
        Labels that are lung. If any are given, no others count, and other marks are left out. By default those of
        `LUNG_LABELS`, and a label that is neither there nor in `IGNORED_LABELS` is refused.

    Raises
    ------
    InputFileError
        When a label is unknown, a lung is marked by something else than an area, a polygon leaves the image, or the
        image has other proportions than the annotated one.
    """
    if drawn.refused is not None:
        raise drawn.refused
    rows, columns = drawn.size or (height, width)
    check_size(drawn.file, rows, columns)  # a file may declare anything
    if not math.isclose(height / rows, width / columns, rel_tol=_ASPECT_TOLERANCE):
        raise InputFileError(
            f"was drawn on {columns} × {rows} pixels (columns × rows), and the image has {width} × {height}",
            source=drawn.file,
            remedy="Find the image that was annotated",
        )
    chosen = {plain_label(label) for label in lungs} or LUNG_LABELS
    areas = {name: np.zeros((height, width), bool) for name in ("lung", "ignored")}
    for mark in drawn.marks:
        plain = plain_label(mark.label)
        if plain in chosen or plain in IGNORED_LABELS:
            areas["lung" if plain in chosen else "ignored"] |= _draw(drawn, mark, (rows, columns), (height, width))
        elif not lungs and _is_there(drawn, mark, rows, columns):
            raise InputFileError(
                f"marks {mark.label!r}, which is not a known label of a lung (see --lung-label)",
                source=drawn.file,
                remedy=f"Call it one of: {', '.join(sorted(LUNG_LABELS))}",
            )
    return DrawnMask(areas["lung"], areas["ignored"] if areas["ignored"].any() else None)


def _is_there(drawn: DrawnImage, mark: Mark, rows: int, columns: int) -> bool:
    return mark.region is None or bool(_paint(drawn, mark, rows, columns).any())


def _draw(drawn: DrawnImage, mark: Mark, size: tuple[int, int], wanted: tuple[int, int]) -> NDArray[np.bool_]:
    rows, columns = size
    if mark.region is not None:
        region = _paint(drawn, mark, rows, columns)
        if size == wanted:
            return region
        return np.asarray(Image.fromarray(region).resize(wanted[::-1], Image.Resampling.NEAREST))
    if not mark.paths:
        raise InputFileError(
            f"marks {mark.label!r} by a {mark.kind}", source=drawn.file, remedy="Draw it as a polygon, or by the brush"
        )
    for path in mark.paths:
        over = np.maximum(-path, path - (columns, rows)).max(axis=0) / (columns, rows)
        if not np.isfinite(path).all() or over.max() > _OUTSIDE:
            raise InputFileError(
                f"has a polygon of {mark.label!r} that leaves the image of {columns} × {rows} pixels",
                source=drawn.file,
                remedy="Check that it is the annotation of this image, and mend the polygon",
            )
    scale = np.array([wanted[1] / columns, wanted[0] / rows])
    return fill_paths([path * scale for path in mark.paths], *wanted)


def _paint(drawn: DrawnImage, mark: Mark, rows: int, columns: int) -> NDArray[np.bool_]:
    try:
        return mark.region(rows, columns)  # type: ignore[misc]
    except ValueError as error:
        raise InputFileError(
            f"has a painted {mark.label!r} that does not fit the image ({error})",
            source=drawn.file,
            remedy="Check that it is the annotation of this image, and export it again",
        ) from error
