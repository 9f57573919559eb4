"""Cutting the lungs of a mask apart where a bridge joins them, and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.morphology.lungs import TOUCHING, CoreSearch, counting_step, piece_areas
from monai_lungxfer.morphology.pieces import Pieces

_SLACK = 2.0  # an opening by a disc of pixels misses the edge by less than this
_WIDER = 1.5  # a disc as wide as the band bulges into its mouth by half its width, this one by a fifth


def cut_bridges(mask: NDArray[np.bool_], pieces: Pieces, search: CoreSearch) -> NDArray[np.bool_]:
    """Take away what joins the two lungs of the largest piece.

    The erosion that parts the lungs (see `find_lung_cores`) gives their cores, and every pixel belongs to the nearest
    core. An opening by one and a half times that radius loses what is thinner. Of that, the bands that reach from one
    lung's side to the other's are bridges, and go. Where lungs touch without a band, a cut one pixel wide is made
    between the two sides. All other edges stay as they are.

    Nothing is cut where a third piece is larger than one of the parts: the parts then are one lung with a narrow
    place, such as a consolidation leaves, and the third piece is the other lung.

    The pieces are those of the mask. Of a large mask (bool, H, W) a thinned-out copy is searched (see `counting_step`),
    and a cut is as wide as one pixel of the copy. The same array is returned when there is nothing to cut.
    """
    step = counting_step(mask.shape)
    if pieces.areas.size == 0:
        return mask
    largest = pieces.select(pieces.areas.argmax() + 1)
    rows, columns = box = largest.box(step)
    alone = largest.draw(box, step)
    inner = find_bounding_box(alone)
    parted = search(alone[inner])
    if parted is None:
        return mask
    down, across = box = pieces.box(step)
    piece = largest.draw(box)
    small = piece[::step, ::step]
    cores = np.zeros(small.shape, np.int16)
    at = ((rows.start - down.start) // step + inner[0].start, (columns.start - across.start) // step + inner[1].start)
    cores[at[0] : at[0] + parted[0].shape[0], at[1] : at[1] + parted[0].shape[1]] = parted[0]
    neck, sides = _neck(small, cores, parted[1])
    parts = piece_areas(np.where(small, sides, 0)) * step**2
    if pieces.areas.size > 1 and parts.min() < np.sort(pieces.areas)[-2]:
        return mask
    cut = mask.copy()
    cut[box] &= ~(_enlarged(neck, step, piece.shape) & piece)
    return cut


def find_bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of a mask (H, W) that holds all of it, empty for an empty mask."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _neck(
    piece: NDArray[np.bool_], cores: NDArray[np.int16], radius: float
) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
    """Return a map of what to cut, of pixels outside the piece too, and the side (1 or 2) of every pixel."""
    nearest = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    sides = cores[tuple(nearest)]
    radius *= _WIDER
    depth = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1]
    distance = ndimage.distance_transform_edt((cores == 0) | (depth <= radius))
    # One pixel more than the piece: at native size, an edge lies up to one pixel of the thinned copy further out.
    lost = (distance > radius + _SLACK) & ndimage.binary_dilation(piece, TOUCHING)
    bands, _ = ndimage.label(lost, TOUCHING)
    crossing = np.intersect1d(bands[lost & (sides == 1)], bands[lost & (sides == 2)])
    seam = (sides == 1) & ndimage.binary_dilation(sides == 2, TOUCHING)
    return seam | (lost & np.isin(bands, crossing)), sides


def _enlarged(small: NDArray[np.bool_], step: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return small.repeat(step, axis=0).repeat(step, axis=1)[: shape[0], : shape[1]]
