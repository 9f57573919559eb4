"""The connected pieces of a mask by its runs: a few thousand numbers, where a map of labels has millions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

_Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """The connected pieces of a mask (H, W).

    A run is a stretch of foreground within one row. Runs are in the order of the rows and, in a row, of the columns.

    Attributes
    ----------
    shape : tuple of int
        (H, W) of the mask.
    rows, starts, ends : numpy.ndarray
        int64 (N,), of each run: its row, its first column, and the column behind its last.
    labels : numpy.ndarray
        int32 (N,), the piece of each run, from 1 on, in the order in which the rows come to them.
    """

    shape: tuple[int, int]
    rows: _Numbers
    starts: _Numbers
    ends: _Numbers
    labels: NDArray[np.int32]

    @cached_property
    def areas(self) -> _Numbers:
        """Area of each piece in pixels; the first is that of label 1."""
        return np.bincount(self.labels, self.ends - self.starts)[1:].astype(np.int64)

    def select(self, labels: ArrayLike) -> Pieces:
        """Return some of the pieces, labelled from 1 on in their order."""
        renamed = np.zeros(self.areas.size + 1, np.int32)
        renamed[np.sort(np.asarray(labels, np.int64), axis=None)] = np.arange(1, np.size(labels) + 1)
        new = renamed[self.labels]
        chosen = new > 0
        return Pieces(self.shape, self.rows[chosen], self.starts[chosen], self.ends[chosen], new[chosen])

    def box(self, step: int = 1) -> tuple[slice, slice]:
        """Return the part of the mask that holds all pieces, which begins at multiples of `step`; empty without any."""
        if not self.rows.size:
            return slice(0, 0), slice(0, 0)
        top, left = int(self.rows[0]) // step * step, int(self.starts.min()) // step * step
        return slice(top, int(self.rows[-1]) + 1), slice(left, int(self.ends.max()))

    def centre_column(self, label: int) -> float:
        """Return the mean column of a piece."""
        one = self.select(label)
        lengths = one.ends - one.starts
        return float((lengths * (one.starts + one.ends - 1)).sum() / (2 * lengths.sum()))

    def draw(self, box: tuple[slice, slice] | None = None, step: int = 1) -> NDArray[np.bool_]:
        """Return a mask of the pieces, or every `step`-th row and column of a box that holds them and begins so."""
        down, across = box or (slice(0, self.shape[0]), slice(0, self.shape[1]))
        height, width = (-(-(side.stop - side.start) // step) for side in (down, across))
        here = self.rows % step == 0
        row = (self.rows[here] - down.start) // step * width
        ends = [row - (across.start - each[here]) // step for each in (self.starts, self.ends)]  # rounded up
        places = np.concatenate([[0], np.stack(ends, axis=1).ravel(), [height * width]])
        is_inside = np.arange(places.size - 1) % 2 == 1
        return np.repeat(is_inside, np.diff(places)).reshape(height, width)


def find_pieces(mask: NDArray[np.bool_]) -> Pieces:
    """Find the pieces of a mask (H, W); pixels that share an edge or a corner are one piece."""
    height, width = mask.shape
    edges = np.empty((height, width + 1), bool)
    edges[:, 0], edges[:, -1] = mask[:, 0], mask[:, -1]
    np.not_equal(mask[:, 1:], mask[:, :-1], out=edges[:, 1:-1])
    ends = np.flatnonzero(edges)
    return _joined((height, width), ends[::2], ends[1::2], corners=True)


def find_gaps(pieces: Pieces, box: tuple[slice, slice]) -> Pieces:
    """Find the pieces of the background in a box that holds all pieces; pixels that share an edge are one piece."""
    rows = np.arange(box[0].start, box[0].stop)
    stride = pieces.shape[1] + 1
    starts = np.concatenate([rows * stride + box[1].start, pieces.rows * stride + pieces.ends])
    ends = np.concatenate([rows * stride + box[1].stop, pieces.rows * stride + pieces.starts])
    starts.sort()
    ends.sort()
    some = starts < ends
    return _joined(pieces.shape, starts[some], ends[some], corners=False)


def _joined(shape: tuple[int, int], starts: _Numbers, ends: _Numbers, *, corners: bool) -> Pieces:
    """Label runs, which begin and end at these places of the flattened mask, whose rows have one column more."""
    stride = shape[1] + 1
    # Those runs of the row above that touch a run follow each other.
    first = np.searchsorted(ends, starts - stride, side="left" if corners else "right")
    behind = np.searchsorted(starts, ends - stride, side="right" if corners else "left")
    counts = np.maximum(behind - first, 0)
    pointers = np.concatenate([[0], np.cumsum(counts)])
    above = np.repeat(first - pointers[:-1], counts) + np.arange(pointers[-1])
    touching = csr_array((np.ones(above.size, bool), above, pointers), (starts.size, starts.size))
    labels = connected_components(touching, directed=False)[1] + np.int32(1)  # in the order of their first runs
    rows = starts // stride
    return Pieces(shape, rows, starts - rows * stride, ends - rows * stride, labels)
