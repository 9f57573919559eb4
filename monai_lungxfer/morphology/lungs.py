"""Bridges and islands: the two kinds of false lung that the portable stage removes (Vidal et al. 2021, Fig. 13).

A bridge is a band that joins the two lungs, an island a piece of lung away from both. Every rule below is relative
to the image or to the lungs, so a mask of 256 x 256 and the same mask at the native size of the radiograph give the
same counts. The rules were chosen on 1,543 masks drawn by people (V7 Darwin, all views): none of them has a bridge
and 2 of them (0.1 %) have an island; of the 3,086 single lungs cut out of them, 1 is taken for a bridged pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_lungxfer.morphology.pieces import Pieces, find_pieces
from monai_lungxfer.utils.errors import LungXferError

MIN_ISLAND_FRACTION = 2e-4
"""Smaller pieces are noise: share of the image's area (13 pixels of 256 x 256, about 6 mm x 6 mm of a patient)."""

MIN_LUNG_SHARE = 0.1
"""A lung has at least this share of the area of the other one (the smallest share in the drawn masks is 0.58)."""

MAX_NECK = 0.5
"""A bridge is at most this many times as wide as the narrower of the two lungs that it joins."""

TOUCHING = np.ones((3, 3), dtype=bool)
"""Pixels that share an edge or a corner are one piece."""

_STEPS = 12
_COUNTING_SIDE = 1024

Parted = tuple[NDArray[np.int16], float]
"""The cores of two lungs and the radius of the erosion that parts them, see `find_lung_cores`."""


class CoreSearch:
    """`find_lung_cores`, which remembers its last answer: cleaning and counting mostly ask for the same piece."""

    def __init__(self) -> None:
        self._last: tuple[NDArray[np.bool_], Parted | None] | None = None

    def __call__(self, piece: NDArray[np.bool_]) -> Parted | None:
        """Return what `find_lung_cores` does."""
        if self._last is None or not np.array_equal(self._last[0], piece):
            self._last = piece, find_lung_cores(piece)
        return self._last[1]


@dataclass(frozen=True)
class LungShape:
    """What cleaning a mask has found out, so that measuring it need not find it out again.

    Attributes
    ----------
    pieces : Pieces
        Those of the cleaned mask.
    is_unchanged : bool
        Whether there was nothing to clean.
    search : CoreSearch
        That knows the largest piece.
    """

    pieces: Pieces
    is_unchanged: bool = False
    search: CoreSearch = field(default_factory=CoreSearch, repr=False, compare=False)


def count_islands(mask: ArrayLike) -> int:
    """Count the pieces of a lung mask that are neither of the two lungs.

    The lungs are the largest connected piece and the second largest, if that has `MIN_LUNG_SHARE` of the area of the
    largest; so a dot next to a single lung, or next to two lungs that a bridge joins, is also an island.

    Parameters
    ----------
    mask : array_like
        Mask (H, W) of {0, 1}, of any size.

    Returns
    -------
    int
        Pieces that are no lung and cover `MIN_ISLAND_FRACTION` of the image or more; 0 for an empty mask.
    """
    return islands_among(find_pieces(check_mask(mask)))


def count_bridges(mask: ArrayLike) -> int:
    """Count the bands that join the two lungs of a mask.

    The largest connected piece is eroded step by step. When it falls into two parts of lung size before the erosion
    reaches `MAX_NECK` of the width of the narrower part, the parts are the two lungs and what joined them is a
    bridge. Each further bridge closes a gap between the lungs, so the enclosed gaps that border on both lungs and
    cover `MIN_ISLAND_FRACTION` of the image or more are counted.

    Parameters
    ----------
    mask : array_like
        Mask (H, W) of {0, 1}, of any size.

    Returns
    -------
    int
        Number of bridges; 0 when the lungs are apart, when there is one lung only, or when the mask is empty. Lungs
        that are fused over more than `MAX_NECK` of their width count as one lung.
    """
    return bridges_within(find_pieces(check_mask(mask)), CoreSearch())


def islands_among(pieces: Pieces) -> int:
    """Return what `count_islands` does for the pieces of a mask."""
    others = np.delete(pieces.areas, find_lungs(pieces.areas) - 1)
    return int(np.count_nonzero(others >= MIN_ISLAND_FRACTION * math.prod(pieces.shape)))


def bridges_within(pieces: Pieces, search: CoreSearch) -> int:
    """Return what `count_bridges` does for the pieces of a mask."""
    if pieces.areas.size == 0:
        return 0
    largest = pieces.select(pieces.areas.argmax() + 1)
    piece = largest.draw(largest.box())
    parted = search(piece)
    return 0 if parted is None else 1 + _gaps_between(piece, parted[0], MIN_ISLAND_FRACTION * math.prod(pieces.shape))


def counting_step(shape: tuple[int, ...]) -> int:
    """Return the step by which a large mask can be thinned out, ``mask[::step, ::step]``, before it is counted in.

    The rules are relative to the image, at a cost per pixel; the longer side of the thinned mask is 1024 or less.
    """
    return max(1, math.ceil(max(shape) / _COUNTING_SIDE))


def find_lungs(areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels of the lungs, the larger one first: none, one or two. The first area is that of label 1."""
    order = np.argsort(-areas, kind="stable")[:2]
    return order[areas[order] >= MIN_LUNG_SHARE * areas[order[:1]]] + 1


def lungs_by_side(pieces: Pieces) -> tuple[int, int] | None:
    """Return the labels of the lungs on the left and the right side of a mask, ``None`` unless there are two."""
    lungs = [int(label) for label in find_lungs(pieces.areas)]
    if len(lungs) < 2:
        return None
    on_left, on_right = sorted(lungs, key=pieces.centre_column)
    return on_left, on_right


def piece_areas(pieces: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the area in pixels of each label of a map (H, W), from label 1 on."""
    return np.bincount(pieces.ravel())[1:]


def find_lung_cores(piece: NDArray[np.bool_]) -> Parted | None:
    """Erode a piece, a map (H, W), until it falls into two lungs. The border of the map erodes as any other edge.

    Returns the map (H, W) of the two lungs' cores (1 and 2, else 0) at the first erosion that parts them, and the
    radius of that erosion in pixels; ``None`` when the piece does not fall apart as two lungs with a bridge would.
    """
    depth = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    for radius in np.linspace(0, MAX_NECK * depth.max(initial=0), _STEPS + 1)[1:]:
        if _stays_whole(depth, radius):
            continue
        parts, number = ndimage.label(depth > radius, TOUCHING)
        if number < 2:
            continue
        areas = piece_areas(parts)
        second, first = np.argsort(areas)[-2:] + 1
        narrower = min(depth[parts == first].max(), depth[parts == second].max())
        if areas[second - 1] >= MIN_LUNG_SHARE * areas[first - 1] and radius <= MAX_NECK * narrower:
            return (parts == first).astype(np.int16) + 2 * (parts == second).astype(np.int16), float(radius)
    return None


def _stays_whole(depth: NDArray[np.float64], radius: float) -> bool:
    """Tell by a look at some pixels that an erosion leaves no two lungs: all that is deep enough for one is one piece.

    It may be so where this is ``False``. From a pixel to its neighbour among those that are looked at, or to the next
    of them, it is at most 0.71 steps to the nearer one, and the depth changes by a pixel a pixel at the most. So
    neighbours that are deeper than the radius by that are joined, and every core of a lung has one of them.
    """
    step = int(radius / 2)
    if step < 2:
        return False
    slack = 0.75 * step
    coarse = depth[::step, ::step]
    parts, number = ndimage.label(coarse > radius + slack, TOUCHING)
    if number < 2:
        return True
    lungs = parts[coarse >= radius / MAX_NECK - slack]
    return bool((lungs == lungs[:1]).all())


def check_mask(mask: ArrayLike) -> NDArray[np.bool_]:
    """Return a mask (H, W) of {0, 1} as booleans; LungXferError is raised for every other array.

    Masks of booleans and of uint8 share their memory with the result.
    """
    values = np.asarray(mask)
    is_narrow = values.dtype in (np.bool_, np.uint8)
    binary = values.view(np.bool_) if is_narrow else values == 1  # without a copy where there need not be one
    if values.ndim != 2 or not (values.max(initial=0) <= 1 if is_narrow else np.array_equal(binary, values)):
        raise LungXferError(
            f"a mask must be (H, W) with the values 0 and 1; this array has the shape {values.shape}",
            remedy="Drop the channel dimension, and threshold probabilities at 0.5",
        )
    return binary


def _gaps_between(piece: NDArray[np.bool_], cores: NDArray[np.int16], smallest: float) -> int:
    """Count the holes of the joined lungs that both lungs border on and that cover `smallest` pixels or more."""
    # In a frame, the first label is the outside, since it is scanned first.
    piece, cores = np.pad(piece, 1), np.pad(cores, 1)
    holes, number = ndimage.label(~piece)
    if number < 2:
        return 0
    nearest = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    lungs = cores[tuple(nearest)]
    gaps = 0
    for label in np.flatnonzero(np.bincount(holes.ravel()) >= smallest):
        if label > 1:
            rim = ndimage.binary_dilation(holes == label) & piece
            gaps += len(np.unique(lungs[rim])) == 2
    return gaps
