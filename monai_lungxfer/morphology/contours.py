"""The border of a mask as closed lines along the edges of its pixels."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

_Vertex = tuple[int, int]


def trace_contours(mask: NDArray[np.uint8] | NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Return the closed lines between the pixels of a mask and the others, of which no two cross.

    Parameters
    ----------
    mask : numpy.ndarray
        Mask (H, W) of {0, 1}.

    Returns
    -------
    list of numpy.ndarray
        Each int32 (N, 2) of (column, row), the first vertex repeated as the last. (0, 0) is the outer corner of the
        first pixel, (W, H) that of the last. With rows running downwards, the mask lies on the right of the line: so a
        piece is run round clockwise, a hole in it counterclockwise. Pixels that touch by a corner are apart.
    """
    steps = _steps(np.pad(np.asarray(mask, dtype=np.int8), 1))
    lines = []
    while steps:
        start = vertex = next(iter(steps))
        line, before = [start], None
        while before is None or vertex != start:
            ways = steps[vertex]
            after = next((way for way in ways if _turns_right(before, way)), ways[0])
            ways.remove(after)
            if not ways:
                del steps[vertex]
            if after != before and before is not None:
                line.append(vertex)
            vertex, before = (vertex[0] + after[0], vertex[1] + after[1]), after
        lines.append(np.array([*line, start], dtype=np.int32))
    return lines


def _steps(padded: NDArray[np.int8]) -> dict[_Vertex, list[_Vertex]]:
    """Return where a line goes on from each corner of a pixel: one way, or two where two pixels touch by it."""
    steps: dict[_Vertex, list[_Vertex]] = defaultdict(list)
    across, down = np.diff(padded[:, 1:-1], axis=0), np.diff(padded[1:-1], axis=1)
    for change, sign, offset, way in (
        (across, 1, (0, 0), (1, 0)),  # the mask lies below: to the right
        (across, -1, (1, 0), (-1, 0)),
        (down, 1, (0, 1), (0, -1)),  # the mask lies on the right: upwards
        (down, -1, (0, 0), (0, 1)),
    ):
        rows, columns = np.nonzero(change == sign)
        for vertex in zip((columns + offset[0]).tolist(), (rows + offset[1]).tolist(), strict=True):
            steps[vertex].append(way)
    return steps


def _turns_right(before: _Vertex | None, after: _Vertex) -> bool:
    return before is not None and after == (-before[1], before[0])
