"""Bridges and islands: the two kinds of false lung that the portable stage removes (Vidal et al. 2021, Fig. 13).

A bridge is a band that joins the two lungs, an island a piece of lung away from both. Every rule below is relative
to the image or to the lungs, so a mask of 256 x 256 and the same mask at the native size of the radiograph give the
same counts. The rules were chosen on 1,543 masks drawn by people (V7 Darwin, all views): none of them has a bridge
and 2 of them (0.1 %) have an island; of the 3,086 single lungs cut out of them, 1 is taken for a bridged pair.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_lungxfer.errors import LungXferError

__all__ = ["MAX_NECK", "MIN_ISLAND_FRACTION", "MIN_LUNG_SHARE", "count_bridges", "count_islands"]

MIN_ISLAND_FRACTION = 2e-4
"""Smaller pieces are noise: share of the image's area (13 pixels of 256 x 256, about 6 mm x 6 mm of a patient)."""

MIN_LUNG_SHARE = 0.1
"""A lung has at least this share of the area of the other one (the smallest share in the drawn masks is 0.58)."""

MAX_NECK = 0.5
"""A bridge is at most this many times as wide as the narrower of the two lungs that it joins."""

_STEPS = 12
_TOUCHING = np.ones((3, 3), dtype=bool)  # pixels that share an edge or a corner are one piece


def count_islands(mask: ArrayLike) -> int:
    """Count the pieces of a lung mask that are neither of the two lungs.

    The lungs are the largest connected piece and the second largest, if that has `MIN_LUNG_SHARE` of the area of the
    largest; so a dot beside a single lung, or beside two lungs that a bridge joins, is an island too.

    Parameters
    ----------
    mask : array_like
        Mask (H, W) of {0, 1}, of any size.

    Returns
    -------
    int
        Pieces that are no lung and cover `MIN_ISLAND_FRACTION` of the image or more; 0 for an empty mask.

    Raises
    ------
    LungXferError
        When the mask is not two-dimensional or holds other values than 0 and 1.
    """
    binary = _binary(mask)
    areas = np.sort(_areas(ndimage.label(binary, _TOUCHING)[0]))[::-1]
    lungs = 2 if areas.size > 1 and areas[1] >= MIN_LUNG_SHARE * areas[0] else 1
    return int(np.count_nonzero(areas[lungs:] >= MIN_ISLAND_FRACTION * binary.size))


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

    Raises
    ------
    LungXferError
        When the mask is not two-dimensional or holds other values than 0 and 1.
    """
    pieces, number = ndimage.label(_binary(mask), _TOUCHING)
    if number == 0:
        return 0
    largest = int(_areas(pieces).argmax()) + 1
    box = ndimage.find_objects(pieces)[largest - 1]
    piece = np.pad(pieces[box] == largest, 1)  # a frame, so that the border of the image erodes as any other edge
    depth = ndimage.distance_transform_edt(piece)
    cores = _two_cores(depth)
    return 0 if cores is None else 1 + _gaps_between(piece, cores, MIN_ISLAND_FRACTION * pieces.size)


def _binary(mask: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(mask)
    if values.ndim != 2 or not np.all((values == 0) | (values == 1)):
        raise LungXferError(
            f"a mask must be (H, W) with the values 0 and 1; this array has the shape {values.shape}",
            remedy="Drop the channel dimension, and threshold probabilities at 0.5",
        )
    return values == 1


def _areas(pieces: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.bincount(pieces.ravel())[1:]


def _two_cores(depth: NDArray[np.float64]) -> NDArray[np.int16] | None:
    """Return the map of the two lungs' cores (1 and 2, else 0) at the first erosion that parts them, or None."""
    for radius in np.linspace(0, MAX_NECK * depth.max(), _STEPS + 1)[1:]:
        parts, number = ndimage.label(depth > radius, _TOUCHING)
        if number < 2:
            continue
        areas = _areas(parts)
        second, first = np.argsort(areas)[-2:] + 1
        narrower = min(depth[parts == first].max(), depth[parts == second].max())
        if areas[second - 1] >= MIN_LUNG_SHARE * areas[first - 1] and radius <= MAX_NECK * narrower:
            return (parts == first).astype(np.int16) + 2 * (parts == second).astype(np.int16)
    return None


def _gaps_between(piece: NDArray[np.bool_], cores: NDArray[np.int16], smallest: float) -> int:
    """Count the holes of the joined lungs that both lungs border on and that cover `smallest` pixels or more."""
    holes, number = ndimage.label(~piece)  # the first label is the outside, since the frame is scanned first
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
