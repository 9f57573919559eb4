"""Outlines of masks as short texts, which a browser draws as SVG paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.morphology.contours import trace_outlines

GRID = 512
"""Longest side of the grid that outlines are drawn on; a smaller radiograph is its own grid."""

TOLERANCE = 1.0
"""By how many units of the grid an outline may miss the border of the mask on it."""


def grid_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the grid (h, w) for outlines of a radiograph of a native size (H, W) in pixels."""
    scale = min(1.0, GRID / max(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def draw_outline(mask: NDArray[np.generic]) -> str:
    """Return the outline of a mask (H, W) as the ``d`` of an SVG path, on the grid of `grid_size`; empty without lung.

    The path is to be filled by the even-odd rule. It misses the mask's border by at most `TOLERANCE`, and by half a
    unit of the grid more where the radiograph is larger than the grid.
    """
    grid = grid_size((mask.shape[0], mask.shape[1]))
    rows, columns = (_centres(side, count) for side, count in zip(mask.shape, grid, strict=True))
    reduced = mask[np.ix_(rows, columns)]
    return "".join(_path(loop) for loop in trace_outlines(reduced, TOLERANCE))


def _centres(side: int, count: int) -> NDArray[np.int64]:
    """Return the pixels, of a side of so many, that lie in the middle of each unit of the grid."""
    return ((np.arange(count) + 0.5) * side / count).astype(np.int64)


def _path(loop: NDArray[np.int32]) -> str:
    """Return a closed polygon: its first point, and the steps from one to the next."""
    first, *steps = np.diff(loop, axis=0, prepend=np.zeros((1, 2), np.int32)).tolist()
    return "M" + _numbers([first]) + "l" + _numbers(steps) + "z"


def _numbers(pairs: list[list[int]]) -> str:
    """Write numbers as closely as SVG allows: a minus sign parts two of them as well as a space."""
    return " ".join(str(value) for pair in pairs for value in pair).replace(" -", "-")
