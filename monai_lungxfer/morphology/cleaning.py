"""Cleaning of lung masks: what the network drew outside, between and inside the two lungs (Vidal et al. 2021, Fig. 13).

What a bridge and an island are is defined in `monai_lungxfer.morphology.lungs`; here they are taken away. A mask that
people drew stays as it is, but for small holes: of 1,543 drawn masks (V7 Darwin) 7 have any that cover
`MIN_ISLAND_FRACTION` of the image, and each of these is an object on the lung that the annotators left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_lungxfer.morphology.bridges import cut_bridges
from monai_lungxfer.morphology.lungs import MIN_ISLAND_FRACTION, CoreSearch, LungShape, check_mask, find_lungs
from monai_lungxfer.morphology.pieces import Pieces, find_gaps, find_pieces

MAX_HOLE = 0.025
"""Larger holes are left for a person: share of the lungs with their holes (the largest in the drawn masks is 0.007)."""

_MOST_CUTS = 4  # one lung of a parted pair may itself part into a pair, which is so rare that no mask needed a second


def clean_lungs(mask: ArrayLike) -> NDArray[np.bool_]:
    """Drop what is not lung, fill holes, and cut bridges, until nothing changes.

    Parameters
    ----------
    mask : array_like
        Mask (H, W) of {0, 1}, of any size.

    Returns
    -------
    numpy.ndarray
        The cleaned mask, bool (H, W): two lungs, or one, or none, but for lungs that are fused beyond what counts as
        a bridge.
    """
    cleaned, shape = clean_lungs_once(mask)
    return cleaned.copy() if shape.is_unchanged else cleaned


def clean_lungs_once(mask: ArrayLike) -> tuple[NDArray[np.bool_], LungShape]:
    """Clean as `clean_lungs` does, and return what `monai_lungxfer.inference.measurements.measure` needs of the shape.

    A mask of uint8 or bool with nothing to clean shares its memory with the one that is returned.
    """
    binary, search = check_mask(mask), CoreSearch()
    cleaned, pieces = _without_false_parts(binary)
    for _ in range(_MOST_CUTS):
        cut = cut_bridges(cleaned, pieces, search)
        if cut is cleaned:
            break
        cleaned, pieces = _without_false_parts(cut)
    return cleaned, LungShape(pieces, is_unchanged=cleaned is binary, search=search)


def _without_false_parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Pieces]:
    """Drop every piece that is none of the two lungs, and fill holes; the same array is returned without any.

    The holes are those that a lung encloses: up to `MAX_HOLE` of two lungs, or noise where there is one piece. One
    piece may be two lungs that are fused above and below the mediastinum, so its hole may be the gap between them;
    hence only what is smaller than `MIN_ISLAND_FRACTION` of the image is filled in it.
    """
    pieces = find_pieces(mask)
    lungs = find_lungs(pieces.areas)
    if lungs.size < pieces.areas.size:
        pieces = pieces.select(lungs)
        mask = pieces.draw()
    holes = _find_holes(pieces)
    lung_area = pieces.areas.sum() + holes.areas.sum()
    largest = MAX_HOLE * lung_area if pieces.areas.size > 1 else MIN_ISLAND_FRACTION * mask.size
    small = np.flatnonzero(holes.areas <= largest) + 1
    if small.size == 0:
        return mask, pieces
    filled = mask | holes.select(small).draw()
    return filled, find_pieces(filled)


def _find_holes(pieces: Pieces) -> Pieces:
    """Return the pieces of the background that are enclosed."""
    down, across = pieces.box()
    gaps = find_gaps(pieces, (down, across))
    is_at_edge = (gaps.rows == down.start) | (gaps.rows == down.stop - 1)
    is_at_edge |= (gaps.starts == across.start) | (gaps.ends == across.stop)
    return gaps.select(np.setdiff1d(gaps.labels, gaps.labels[is_at_edge]))
