"""What lies on a bedside patient or is written over the image: tubes, leads, a pacemaker, markers.

Images, given and returned, are float32 (H, W) in 0..1, bright where the body absorbs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from monai_lungxfer.synthetic.canvas import Canvas, curve, ellipse

MARKERS = ("AP", "PORTABLE", "SUPINE", "AP PORTABLE", "R", "L")


_COLUMNS = {"R": (0.02, 0.3), "L": (0.66, 0.94)}
_ANYWHERE = (0.02, 0.9)


def draw_marker_position(rng: np.random.Generator, text: str) -> tuple[float, float]:
    """Draw a place for `text_marker`: near the upper or the lower border of an upright image.

    R and L stand on the side of the patient that they name. So R is at the left of the image, and L at its right.
    """
    row = rng.choice([0.02, 0.92]) + rng.uniform(0, 0.05)
    return row, rng.uniform(*_COLUMNS.get(text, _ANYWHERE))


def text_marker(image: np.ndarray, text: str, place: Sequence[float], height: float = 0.05) -> np.ndarray:
    """Lay a lead marker or burnt-in text over the image.

    Parameters
    ----------
    image : numpy.ndarray
        The radiograph.
    text : str
        For instance `AP` or `PORTABLE`.
    place : sequence of float
        Row and column of its upper left corner as shares of the image's height and width; moved to where it fits.
    height : float
        Of the letters, as a share of the image's height.
    """
    font = ImageFont.load_default()
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    letters = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(letters).text((1 - left, 1 - top), text, fill=255, font=font)
    # The default font has one size only where Pillow comes without FreeType, hence the resizing.
    rows = min(max(6, round(height * image.shape[0])), image.shape[0])
    columns = min(round(rows * letters.width / letters.height), image.shape[1])
    alpha = np.asarray(letters.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    row, column = (
        min(round(share * side), side - need)
        for share, side, need in zip(place, image.shape, (rows, columns), strict=True)
    )
    result = image.astype(np.float32)
    part = result[row : row + rows, column : column + columns]
    part += alpha * (0.97 - part)
    return result


def tubes(image: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Lay endotracheal or gastric tubes and central lines over the image: they come from above, near the midline."""
    canvas = Canvas(*image.shape)
    lines = []
    for _ in range(count):
        end = (rng.uniform(-0.15, 0.25), rng.uniform(-0.35, 0.85))
        start = (rng.uniform(-0.2, 0.2), -1.1)
        bend = (rng.uniform(-0.12, 0.12), (end[1] - 1.1) / 2)
        path, width = curve([start, bend, end]), rng.uniform(0.016, 0.04)
        lines += [(path, width, 1.0), (path, width / 3, 0.45)]  # the wall absorbs, the lumen less
    return _over(image, 0.2 * canvas.blur(canvas.strokes(lines), 0.004))


def electrodes(image: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Lay ECG electrodes on the chest, each with a thin lead that leaves over the nearer side."""
    canvas = Canvas(*image.shape)
    lines = []
    for _ in range(count):
        place = rng.uniform((-0.75, -0.6), (0.75, 0.6))
        beyond = np.array([np.copysign(1.1, place[0]), place[1] + rng.uniform(-0.5, 0.5)])
        bend = (place + beyond) / 2 + rng.normal(0, 0.12, 2)
        lines += [(curve(np.array([place, bend, beyond])), 0.014, 0.8)]
        lines += [(ellipse((place[0], place[1]), (0.018, 0.018)), 0.03, 1.0)]
    return _over(image, 0.28 * canvas.blur(canvas.strokes(lines), 0.004))


def pacemaker(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a pacemaker below one of the clavicles, with a lead that ends in the heart."""
    canvas = Canvas(*image.shape)
    side = rng.choice([-1.0, 1.0])
    place = (side * rng.uniform(0.5, 0.7), rng.uniform(-0.6, -0.35))
    axes = (rng.uniform(0.09, 0.14), rng.uniform(0.08, 0.11))
    can = canvas.fill(ellipse(place, axes, rng.uniform(-30, 30)))
    tip = (rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.55))
    bend = (place[0] * 0.3, place[1] - rng.uniform(0, 0.15))
    lead = canvas.strokes([(curve([place, bend, (0.05, 0.0), tip]), 0.016, 1.0)])
    return _over(image, canvas.blur(np.maximum(0.6 * can, 0.3 * lead), 0.004))


def _over(image: np.ndarray, absorption: np.ndarray) -> np.ndarray:
    return (image + absorption).clip(0, 1).astype(np.float32)
