"""Measurements of a lung mask, and flags for masks that a person should look at."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.inference.image_traits import ImageTraits
from monai_lungxfer.morphology.lungs import (
    TOUCHING,
    count_bridges,
    count_islands,
    counting_step,
    lungs_by_side,
    piece_areas,
)

FLAGS = {
    "empty": "no lung was found",
    "not_two_lungs": "one piece of lung where two are expected, and no bridge explains it",
    "bridge": "the network drew a band that joins the two lungs",
    "island": "the network drew a piece of lung away from the two lungs",
    "area_out_of_range": "the lungs cover an unusual share of the image",
    "short_lungs": "the lungs reach over little of the image's height: their lower part may be missing",
    "asymmetric": "one lung is much smaller than the other",
    "touches_border": "much of the image's border is lung: the lungs may be cut off",
    "low_confidence": "the network is unsure about many pixels that it calls lung",
    "colour_image": "the image has colours, so it may not be a radiograph",
    "few_shades": "the image has few shades of grey: it may be blank, a page, a drawing or a mask",
    "no_chest": "the picture does not look like one radiograph of a chest",
    "inverted_grey": "air is bright: unless a remark says that it was turned round, the mask may be wrong",
    "turned": "the picture looks as if it lay upside down or on its side: the mask may be wrong",
    "not_frontal": "its header says that this is no frontal view",
}
"""Every flag and what it means."""

IMAGE_FLAGS = frozenset(("colour_image", "few_shades", "no_chest", "inverted_grey", "turned", "not_frontal"))
"""The flags of the image, not of its mask, for which a strict prediction refuses a radiograph."""


@dataclass(frozen=True)
class Thresholds:
    """Where the flags begin. These values are preliminary: no radiologist has validated them.

    They were read off 1,543 masks drawn by people (V7 Darwin) and their radiographs; the percentiles and the rates of
    false alarms are in docs/quality.md, printed by ``scripts/experiments/measure_quality.py``.

    Attributes
    ----------
    min_share, max_share : float
        Least and greatest share of the image's area that the lungs cover.
    min_height_share : float
        Least height of the lungs, both together, over the image's height.
    min_symmetry : float
        Least area of the smaller lung over the area of the larger.
    max_border : float
        Greatest share of the pixels on the image's border that are lung.
    min_confidence : float
        Least mean probability over the pixels that are lung.
    min_entropy : float
        Least entropy of the image's grey values in bits.
    """

    min_share: float = 0.15
    max_share: float = 0.58
    min_height_share: float = 0.48
    min_symmetry: float = 0.6
    max_border: float = 0.1
    min_confidence: float = 0.9
    min_entropy: float = 4.0


_AREA_UNITS = ("_px", "_cm2")

THRESHOLDS = Thresholds()
"""The table that flags are raised by."""


@dataclass(frozen=True)
class Measurements:
    """What a mask measures; lengths that need the pixel spacing are ``None`` where it is unknown.

    Attributes
    ----------
    lung_px : int
        Area of the mask in pixels.
    lung_cm2 : float or None
        The same in cm². In a projection radiograph this is an area in the plane of the detector, or of whatever
        plane the pixel spacing was calibrated to, and not in the patient.
    right_lung_px, left_lung_px : int or None
        Area of each lung, ``None`` unless the mask has exactly two. The right lung is the one on the left side of
        the image, as in every frontal radiograph displayed in the usual way; a mirrored image swaps them.
    right_lung_cm2, left_lung_cm2 : float or None
        The same in cm².
    share : float
        Share of the image's area.
    height_share : float
        From the uppermost to the lowest row with lung, over the image's height; 0 for an empty mask.
    components : int
        Connected pieces (8 neighbours), noise included.
    bridges, islands : int
        Those that the network drew, whether or not cleaning took them away; see `monai_lungxfer.morphology.lungs`.
    cleaned : float
        What cleaning took away or filled in, over the area that the network drew.
    symmetry : float or None
        Area of the smaller lung over the area of the larger, ``None`` unless the mask has exactly two.
    border : float
        Share of the pixels on the image's border that are lung.
    confidence : float or None
        Mean probability over the pixels that are lung, ``None`` for an empty mask.
    """

    lung_px: int
    lung_cm2: float | None
    right_lung_px: int | None
    right_lung_cm2: float | None
    left_lung_px: int | None
    left_lung_cm2: float | None
    share: float
    height_share: float
    components: int
    bridges: int
    islands: int
    cleaned: float
    symmetry: float | None
    border: float
    confidence: float | None

    @property
    def areas(self) -> dict[str, float | None]:
        """The areas by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name.endswith(_AREA_UNITS)}


def measure(
    mask: NDArray[np.uint8],
    probability: NDArray[np.float32],
    spacing: tuple[float, float] | None = None,
    raw: NDArray[np.uint8] | None = None,
) -> Measurements:
    """Measure a mask.

    Parameters
    ----------
    mask : numpy.ndarray
        Mask (H, W) of {0, 1}.
    probability : numpy.ndarray
        Probability (H, W) of lung in [0, 1].
    spacing : tuple of float, optional
        Distance between (rows, columns) in mm.
    raw : numpy.ndarray, optional
        The mask (H, W) as the network drew it; the default is that nothing was cleaned.
    """
    raw = mask if raw is None else raw
    pieces, number = ndimage.label(mask, TOUCHING)
    areas = piece_areas(pieces)
    area = int(areas.sum())
    sides = lungs_by_side(pieces)
    right, left = (None, None) if sides is None else (int(areas[label - 1]) for label in sides)
    step = counting_step(mask.shape)
    cm2 = None if spacing is None else spacing[0] * spacing[1] / 100
    return Measurements(
        lung_px=area,
        lung_cm2=_times(area, cm2),
        right_lung_px=right,
        right_lung_cm2=_times(right, cm2),
        left_lung_px=left,
        left_lung_cm2=_times(left, cm2),
        share=area / mask.size,
        height_share=_height_share(mask),
        components=number,
        bridges=count_bridges(raw[::step, ::step]),
        islands=count_islands(raw[::step, ::step]),
        cleaned=int(np.count_nonzero(mask != raw)) / max(1, int(np.count_nonzero(raw))),
        symmetry=None if right is None or left is None else min(right, left) / max(right, left),
        border=_border_share(mask),
        confidence=float(probability.mean(where=mask == 1, dtype=np.float64)) if area else None,
    )


def find_flags(
    measurements: Measurements, traits: ImageTraits | None = None, *, thresholds: Thresholds = THRESHOLDS
) -> tuple[str, ...]:
    """Return the flags that apply, in the order of `FLAGS`.

    Parameters
    ----------
    measurements : Measurements
        Of the mask.
    traits : ImageTraits, optional
        Of the image; without them, only the mask is judged.
    thresholds : Thresholds
        Where the flags begin.

    Returns
    -------
    tuple of str
        Empty when nothing is unusual. An empty mask has the flag ``empty`` and no other of the mask's.
    """
    m, t = measurements, thresholds
    found = m.lung_px > 0
    raised = counted_flags(m.share, m.bridges, m.islands, t) | {
        "not_two_lungs": found and m.right_lung_px is None and m.bridges == 0,
        "short_lungs": found and m.height_share < t.min_height_share,
        "asymmetric": m.symmetry is not None and m.symmetry < t.min_symmetry,
        "touches_border": m.border > t.max_border,
        "low_confidence": m.confidence is not None and m.confidence < t.min_confidence,
        "colour_image": traits is not None and traits.is_colour,
        "few_shades": traits is not None and traits.entropy < t.min_entropy,
        "not_frontal": traits is not None and traits.is_frontal is False,
    }
    raised |= {} if traits is None or traits.content is None else traits.content.flags
    return tuple(name for name in FLAGS if raised.get(name))


def counted_flags(share: float, bridges: float, islands: float, thresholds: Thresholds = THRESHOLDS) -> dict[str, bool]:
    """Judge a mask by the three `Measurements` that the report of an evaluation has as well.

    Returns whether each flag that follows from them applies.
    """
    return {
        "empty": share == 0,
        "bridge": bridges > 0,
        "island": islands > 0,
        "area_out_of_range": share > 0 and not thresholds.min_share <= share <= thresholds.max_share,
    }


def _height_share(mask: NDArray[np.uint8]) -> float:
    rows = np.flatnonzero(mask.any(axis=1))
    return float(rows[-1] - rows[0] + 1) / len(mask) if rows.size else 0.0


def _border_share(mask: NDArray[np.uint8]) -> float:
    border = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return float(border.mean())


def _times(pixels: int | None, cm2: float | None) -> float | None:
    return None if pixels is None or cm2 is None else pixels * cm2
