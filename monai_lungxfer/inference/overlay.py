"""Overlay pictures: the radiograph in grey with the contour of the lungs, for a look at many results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from monai_lungxfer.utils.files import atomic_path

MAX_SIDE = 1024
"""Longest side of an overlay picture in pixels."""

NOTICE = "Research use only. Not a medical device."
"""Stands in every overlay: pictures are passed on without the table that they came with."""

# Orange and black of Okabe and Ito's palette, told apart from each other and from greys by every kind of colour
# vision; the black edge keeps the line visible on bright bone.
_LINE = (230, 159, 0)
_EDGE = (0, 0, 0)
# Vermilion and blue of the same palette.
_BEFORE = (213, 94, 0)
_AFTER = (0, 114, 178)
_NOTICE_HEIGHT = 16
_WINDOW = (0.5, 99.5)  # percentiles; a marker or a collimator's edge would otherwise darken the chest


def thumbnail(pixels: NDArray[np.floating], max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """Reduce a radiograph to a picture of 8 bits.

    Parameters
    ----------
    pixels : numpy.ndarray
        Grey values (H, W), or (3, H, W), of which the mean is taken.
    max_side : int
        Longest side in pixels; smaller radiographs keep their size.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w), from the 0.5th to the 99.5th percentile of the reduced radiograph.
    """
    grey = pixels.mean(axis=0) if pixels.ndim == 3 else pixels
    height, width = grey.shape
    scale = min(1.0, max_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    small = np.asarray(picture.resize(size, Image.Resampling.BOX))
    low, high = np.percentile(small, _WINDOW)
    if high <= low:
        low, high = float(small.min()), float(small.max())
    stretched = (small - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.round(255 * stretched.clip(0, 1)).astype(np.uint8)


def draw_overlay(grey: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Image.Image:
    """Draw the contour of a mask on a radiograph, with the notice below it.

    Parameters
    ----------
    grey : numpy.ndarray
        uint8 (h, w), as from `thumbnail`.
    mask : numpy.ndarray
        Mask (H, W) of {0, 1}, of the radiograph's native size.

    Returns
    -------
    PIL.Image.Image
        RGB, of the width of `grey`, and 16 pixels higher for the notice. The line lies inside the lungs, its black
        edge around them. Text that is burnt into the radiograph's pixels is shown as it is.
    """
    colours = _in_colour(grey)
    thickness = _thickness(grey.shape)
    lungs, line = _contour(mask, grey.shape, thickness)
    colours[line] = _LINE
    colours[ndimage.binary_dilation(lungs, iterations=thickness) & ~lungs] = _EDGE
    return _with_notice(colours, NOTICE)


def draw_comparison(
    grey: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8], *, small: bool = False
) -> Image.Image:
    """Draw two masks on a radiograph, red before and blue after, as Fig. 12 of the paper does.

    Parameters
    ----------
    grey : numpy.ndarray
        uint8 (h, w), as from `thumbnail`.
    before, after : numpy.ndarray
        Masks (H, W) of {0, 1}, of the radiograph's native size.
    small : bool
        Whether the picture will be looked at small: lines are then twice as thick.

    Returns
    -------
    PIL.Image.Image
        RGB, of the width of `grey`, and 32 pixels higher for the legend and the notice; where the two lines run over
        each other, blue is seen.
    """
    colours = _in_colour(grey)
    thickness = (1 + small) * _thickness(grey.shape)
    for mask, colour in ((before, _BEFORE), (after, _AFTER)):
        colours[_contour(mask, grey.shape, thickness)[1]] = colour
    return _with_notice(colours, "Red: before. Blue: after.", NOTICE)


def draw_moments(
    grey: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> tuple[Image.Image, Image.Image]:
    """Draw two masks on two copies of a radiograph, red before and blue after, to be laid over each other.

    The arrays are those of `draw_comparison`. The pictures are RGB, of the width of `grey`, and 16 pixels higher for
    the notice. Lines are twice as thick as in an overlay, since these pictures are looked at small.
    """
    pictures = []
    for mask, colour in ((before, _BEFORE), (after, _AFTER)):
        colours = _in_colour(grey)
        colours[_contour(mask, grey.shape, 2 * _thickness(grey.shape))[1]] = colour
        pictures.append(_with_notice(colours, NOTICE))
    return pictures[0], pictures[1]


def _in_colour(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def _thickness(shape: tuple[int, ...]) -> int:
    return max(1, round(max(shape) / 512))


def _contour(
    mask: NDArray[np.uint8], shape: tuple[int, ...], thickness: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a mask in the size of the picture, and the line along its border, inside it."""
    reduced = Image.fromarray(mask.astype(np.uint8, copy=False)).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    lungs = np.asarray(reduced) > 0
    return lungs, lungs & ~ndimage.binary_erosion(lungs, iterations=thickness, border_value=0)


def _with_notice(colours: NDArray[np.uint8], *lines: str) -> Image.Image:
    """Add lines of text below the picture, in letters so small that a narrow picture holds them too."""
    height, width = colours.shape[:2]
    size = next((size for size in range(10, 3, -1) if _widest(lines, size) <= width - 6), 3)
    picture = Image.new("RGB", (width, height + _NOTICE_HEIGHT * len(lines)))
    picture.paste(Image.fromarray(colours), (0, 0))
    for number, line in enumerate(lines):
        place = (3, height + _NOTICE_HEIGHT * number + 2)
        ImageDraw.Draw(picture).text(place, line, fill=(255, 255, 255), font=ImageFont.load_default(size))
    return picture


def _widest(lines: tuple[str, ...], size: int) -> float:
    return max(ImageFont.load_default(size).getlength(line) for line in lines)


def save_picture(path: str | Path, picture: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all; OutputError is raised when it cannot be written."""
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")
