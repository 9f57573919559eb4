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


def trace_outlines(mask: NDArray[np.generic], tolerance: float = 0.75) -> list[NDArray[np.int32]]:
    """Return the lines of `trace_contours` with fewer vertices, for pages that draw lines.

    Parameters
    ----------
    mask : numpy.ndarray
        Mask (H, W), of which everything but 0 is foreground.
    tolerance : float
        By how many pixels a line may miss the border of the pixels at most. 0 keeps every vertex.

    Returns
    -------
    list of numpy.ndarray
        Closed polygons, int32 (N, 2), of (column, row). The first vertex is not repeated. Filled by the even-odd rule,
        they give the mask.
    """
    return [_simplified(line[:-1], tolerance) for line in trace_contours(mask != 0)]


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


def _simplified(loop: NDArray[np.int32], tolerance: float) -> NDArray[np.int32]:
    """Drop corners, by the way of Ramer, Douglas and Peucker; what would become a line keeps them all."""
    farthest = int(np.abs(loop - loop[0]).sum(axis=1).argmax())
    closed = np.concatenate([loop, loop[:1]]).astype(np.float64)
    keep = np.zeros(len(closed), bool)
    keep[[0, farthest]] = True
    waiting = [(0, farthest), (farthest, len(loop))]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        distances = _distances(closed[first + 1 : last], closed[first], closed[last])
        if distances.max() > tolerance:
            middle = first + 1 + int(distances.argmax())
            keep[middle] = True
            waiting += [(first, middle), (middle, last)]
    return loop[keep[:-1]] if np.count_nonzero(keep[:-1]) > 2 else loop


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distances of points to the line through two others; to the first where they are the same."""
    (x, y), (across, down) = (points - start).T, end - start
    length = float(np.hypot(across, down))
    return np.abs(across * y - down * x) / length if length else np.hypot(x, y)
