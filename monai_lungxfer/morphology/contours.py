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
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return []
    top, left = int(rows[0]), int(columns[0])
    piece = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    steps = _steps(np.pad(piece.astype(np.int8), 1))
    lines = []
    while steps:
        start = vertex = next(iter(steps))
        line: list[_Vertex] = []
        first = before = None
        while before is None or vertex != start:
            ways = steps[vertex]
            after = next((way for way in ways if _turns_right(before, way)), ways[0])
            ways.remove(after)
            if not ways:
                del steps[vertex]
            if after != before and before is not None:
                line.append(vertex)
            first = first or after
            vertex, before = (vertex[0] + after[0], vertex[1] + after[1]), after
        corners = line if before == first else [start, *line]
        lines.append(np.array([*corners, corners[0]], dtype=np.int32) + np.array([left, top], dtype=np.int32))
    return lines


def _steps(padded: NDArray[np.int8]) -> dict[_Vertex, list[_Vertex]]:
    """Return where a line goes on from each corner of a pixel: one way, or two where two pixels touch by it."""
    steps: dict[_Vertex, list[_Vertex]] = defaultdict(list)
    across, down = np.diff(padded[:, 1:-1], axis=0), np.diff(padded[1:-1], axis=1)
    _add(steps, across, {1: ((0, 0), (1, 0)), -1: ((1, 0), (-1, 0))})  # the mask lies below: to the right; above: left
    _add(steps, down, {1: ((0, 1), (0, -1)), -1: ((0, 0), (0, 1))})  # the mask lies on the right: up; left: down
    return steps


def _add(
    steps: dict[_Vertex, list[_Vertex]], change: NDArray[np.int8], edges: dict[int, tuple[_Vertex, _Vertex]]
) -> None:
    """Add the edges where the mask begins (1) or ends (-1): from which corner they start, and which way they go."""
    places = np.flatnonzero(change)
    rows, columns = np.divmod(places, change.shape[1])
    for row, column, sign in zip(rows.tolist(), columns.tolist(), change.ravel()[places].tolist(), strict=True):
        (right, below), way = edges[sign]
        steps[column + right, row + below].append(way)


def _turns_right(before: _Vertex | None, after: _Vertex) -> bool:
    return before is not None and after == (-before[1], before[0])
