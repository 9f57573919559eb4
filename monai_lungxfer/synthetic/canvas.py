"""Drawing in the coordinates of a body: smooth curves, soft shapes and texture, for phantoms of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import interpolate, ndimage

_SUPERSAMPLING = 2
_SEAMLESS = 10  # pixels


@dataclass(frozen=True)
class Canvas:
    """An image on which the body lies a little off, scaled and turned.

    A body's coordinates are (u, v): both run from -1 to 1 over the image, u to the right and v down, before the
    body is scaled and shifted. Lengths of strokes and blurs are shares of half the image's shorter side.

    Attributes
    ----------
    height, width : int
        In pixels.
    scale : tuple of float
        Of u and v.
    shift : tuple of float
        Of the body's centre, in units of half the width and half the height.
    degrees : float
        Rotation about the body's centre, clockwise on the screen.
    """

    height: int
    width: int
    scale: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)
    degrees: float = 0.0

    @property
    def unit(self) -> float:
        """Half the shorter side in pixels."""
        return min(self.height, self.width) / 2

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return the pixel positions (N, 2), as x and y, of points (u, v)."""
        half = np.array([self.width, self.height]) / 2
        angle = np.deg2rad(self.degrees)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return (points * half * self.scale) @ turn + half * (1 + np.array(self.shift))

    def fill(self, points: np.ndarray) -> np.ndarray:
        """Return the coverage, float32 (H, W) in 0..1, of the polygon through points (N, 2)."""
        sheet, pen = self._sheet()
        pen.polygon(self._positions(points), fill=255)
        return self._coverage(sheet)

    def strokes(self, lines: Iterable[tuple[np.ndarray, float, float]]) -> np.ndarray:
        """Return float32 (H, W) with lines of (points, width, value in 0..1) drawn over each other."""
        sheet, pen = self._sheet()
        for points, width, value in lines:
            thickness = max(1, round(width * self.unit * _SUPERSAMPLING))
            # Gaps between the segments of a bent line show in thick ones only, and closing them takes time.
            joint = "curve" if thickness > _SEAMLESS else None
            pen.line(self._positions(points), fill=round(255 * value), width=thickness, joint=joint)
        return self._coverage(sheet)

    def blur(self, plane: np.ndarray, width: float) -> np.ndarray:
        """Return `plane` after a Gaussian blur with a standard deviation of `width`."""
        return ndimage.gaussian_filter(plane.astype(np.float32), width * self.unit, mode="nearest")

    def noise(self, rng: np.random.Generator, cells: int) -> np.ndarray:
        """Return smooth noise of this size, see `smooth_noise`."""
        return smooth_noise(rng, self.height, self.width, cells)

    def _sheet(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        sheet = Image.new("L", (self.width * _SUPERSAMPLING, self.height * _SUPERSAMPLING))
        return sheet, ImageDraw.Draw(sheet)

    def _positions(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in self.pixels(points) * _SUPERSAMPLING]

    def _coverage(self, sheet: Image.Image) -> np.ndarray:
        return np.asarray(sheet.reduce(_SUPERSAMPLING), dtype=np.float32) / 255


def curve(points: Sequence[tuple[float, float]] | np.ndarray, count: int = 24) -> np.ndarray:
    """Return (count, 2) points of the cubic spline through `points`, evenly in chord length."""
    knots = np.asarray(points, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    # Through three points this is a parabola, as CubicSpline's is, without its much slower solver.
    spline = interpolate.make_interp_spline(along, knots, k=min(3, len(knots) - 1))
    return spline(np.linspace(0, along[-1], count))


def ellipse(
    centre: tuple[float, float], axes: tuple[float, float], degrees: float = 0.0, wobble: np.ndarray | None = None
) -> np.ndarray:
    """Return (64, 2) points of an ellipse.

    Parameters
    ----------
    centre, axes : tuple of float
        Centre and half axes, along u and v before the rotation.
    degrees : float
        Rotation, clockwise on the screen.
    wobble : numpy.ndarray, optional
        Waves of the outline that make it irregular: (K, 2), the share and the phase of 2, 3, … waves around it.
    """
    around = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radius = np.ones_like(around)
    for waves, (share, phase) in enumerate(() if wobble is None else wobble, start=2):
        radius += share * np.sin(waves * around + phase)
    u, v = axes[0] * radius * np.cos(around), axes[1] * radius * np.sin(around)
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.stack([centre[0] + u * cos - v * sin, centre[1] + u * sin + v * cos], axis=1)


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Return smooth noise, float32 (H, W), of about unit variance and so many cells along the longer side."""
    longer = max(height, width)
    rows, columns = (max(2, round(cells * side / longer)) for side in (height, width))
    grid = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    # Interpolation between cells takes a part of the variance, about the same for every size.
    return 1.4 * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
