"""Numbers that tell whether a mask can be trusted, for `monai_lungxfer.inference.expected_dice`."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.morphology.lungs import TOUCHING, find_lungs, piece_areas

_RING = 0.04  # width of the ring around the lungs, over the image's height

Map = NDArray[np.float32]


@dataclass(frozen=True)
class MaskDoubt:
    """What the network's input and its answer tell of a mask; all at the network's own size, before cleaning.

    Numbers without a mask to take them from are 0.
    """

    own_dice: float  # of the mask, were each pixel lung with its probability
    softness: float  # sum of p (1 - p) over the sum of p
    softest_side: float  # the same on that side of the image where it is greater
    softest_lower: float  # the same in the lower half of the lungs
    unsure_edge: float  # pixels from .1 to .9, over the root of the lungs' area
    contrast_ring: float  # mean of a ring around the lungs minus that of the lungs, in standard deviations
    contrast_between: float  # the same of the strip between the lungs
    texture: float  # standard deviation inside the lungs
    lowest: float  # share of the picture at its darkest value
    highest: float
    noise: float  # mean absolute second difference
    solidity: float  # area of the two lungs over that of their convex hulls
    smaller: float  # area of the smaller lung over the larger, 0 unless there are two
    shorter: float  # the same of their heights
    share: float
    top: float  # of the lungs, over the image's height
    bottom: float
    bottoms: float  # how much deeper one lung reaches than the other, over the image's height
    width: float
    pieces: float
    border: float
    upright: float  # 1 where the content check finds an upright chest, -1 where not, 0 where it did not look

    def as_vector(self) -> NDArray[np.float64]:
        """Return all numbers in their order."""
        return np.asarray(astuple(self), np.float64)


NAMES = tuple(field.name for field in fields(MaskDoubt))


def measure_doubt(picture: Map, probability: Map, is_upright: bool | None) -> MaskDoubt:
    """Measure what speaks for and against a mask.

    Parameters
    ----------
    picture, probability : numpy.ndarray
        One channel of the network's input, and its probability of lung, both (H, W).
    is_upright : bool or None
        Whether the picture looks like an upright chest; ``None`` where nobody looked.
    """
    mask = probability > 0.5
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    middle = _centre(mask.sum(axis=0))
    row = int(rows[0] + rows[-1]) // 2 if rows.size else len(mask) // 2
    sides = (np.s_[:, :middle], np.s_[:, middle:])
    height, width = mask.shape
    total = float(probability.sum()) + 1.0
    return MaskDoubt(
        own_dice=2 * float(probability[mask].sum()) / (total + float(mask.sum())),
        softness=_softness(probability),
        softest_side=max(_softness(probability[side]) for side in sides),
        softest_lower=_softness(probability[row:]),
        unsure_edge=float(np.count_nonzero((probability > 0.1) & (probability < 0.9))) / np.sqrt(mask.sum() + 1.0),
        **_looks(picture, mask, middle),
        **_shape(mask),
        share=float(mask.mean()),
        top=rows[0] / height if rows.size else 0.0,
        bottom=rows[-1] / height if rows.size else 0.0,
        width=(columns[-1] - columns[0]) / width if columns.size else 0.0,
        border=float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean()),
        upright=0.0 if is_upright is None else 1.0 if is_upright else -1.0,
    )


def _centre(counts: NDArray[np.int64]) -> int:
    return round(float(np.average(np.arange(counts.size), weights=counts))) if counts.any() else counts.size // 2


def _softness(probability: Map) -> float:
    return float((probability * (1 - probability)).sum() / (probability.sum() + 1.0))


def _looks(picture: Map, mask: NDArray[np.bool_], middle: int) -> dict[str, float]:
    picture = (picture - picture.mean()) / (picture.std() + 1e-6)
    size = max(1, round(_RING * len(mask)))
    ring = ndimage.maximum_filter(mask, 2 * size + 1) & ~mask
    strip = np.zeros_like(mask)
    strip[mask.any(axis=1), max(0, middle - size) : middle + size] = True
    inside = float(picture[mask].mean()) if mask.any() else 0.0
    low, high = picture.min(), picture.max()
    return {
        "contrast_ring": float(picture[ring].mean()) - inside if ring.any() else 0.0,
        "contrast_between": float(picture[strip & ~mask].mean()) - inside if (strip & ~mask).any() else 0.0,
        "texture": float(picture[mask].std()) if mask.any() else 0.0,
        "lowest": float((picture < low + 0.01 * (high - low)).mean()),
        "highest": float((picture > high - 0.01 * (high - low)).mean()),
        "noise": float(np.abs(np.diff(picture, 2, axis=0)).mean()),
    }


def _shape(mask: NDArray[np.bool_]) -> dict[str, float]:
    pieces, number = ndimage.label(mask, TOUCHING)
    lungs = find_lungs(piece_areas(pieces))
    parts = [pieces == label for label in lungs]
    reach = [np.flatnonzero(part.any(axis=1)) for part in parts]
    heights = [float(rows[-1] - rows[0] + 1) for rows in reach]
    areas = [float(part.sum()) for part in parts]
    two = len(parts) == 2
    return {
        "solidity": sum(areas) / sum(hull_area(part) for part in parts) if parts else 0.0,
        "smaller": min(areas) / max(areas) if two else 0.0,
        "shorter": min(heights) / max(heights) if two else 0.0,
        "bottoms": abs(float(reach[0][-1] - reach[1][-1])) / len(mask) if two else 0.0,
        "pieces": float(number),
    }


def hull_area(part: NDArray[np.bool_]) -> float:
    """Return the area in pixels of the convex hull of the pixels' corners."""
    rows = np.flatnonzero(part.any(axis=1))
    first, last = part[rows].argmax(axis=1), part.shape[1] - part[rows, ::-1].argmax(axis=1)
    return -_area_below(_envelope(rows, first)) - _area_below(_envelope(rows, -last))


def _envelope(rows: NDArray[np.int64], edge: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the points (row, place) of the convex curve below an edge, whose pixels begin at `row` and end at row + 1.

    It is one half of Andrew's monotone chain. SciPy's hull is not used, since its import takes a twentieth of a start.
    """
    chain: list[tuple[int, int]] = []
    for x, y in sorted(zip(np.append(rows, rows + 1).tolist(), np.tile(edge, 2).tolist(), strict=True)):
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):  # it turns up
                break
            chain.pop()
        chain.append((x, y))
    return np.array(chain)


def _area_below(curve: NDArray[np.int64]) -> float:
    return float((np.diff(curve[:, 0]) * (curve[1:, 1] + curve[:-1, 1])).sum() / 2)
