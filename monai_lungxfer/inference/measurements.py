"""Measurements of a lung mask."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.morphology.lungs import (
    LungShape,
    bridges_within,
    check_mask,
    counting_step,
    islands_among,
    lungs_by_side,
)
from monai_lungxfer.morphology.pieces import Pieces, find_pieces

_AREA_UNITS = ("_px", "_cm2")


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
        Mean probability over the pixels that are lung, ``None`` for an empty mask. It hardly tells a good mask from a
        bad one.
    dice_expected : float or None
        Expected Dice coefficient with a mask that a person would draw. ``None`` where nothing is known of how the
        weights err, see `monai_lungxfer.inference.expected_dice`, and for an empty mask.
    dice_low, dice_high : float or None
        What 90 % of such masks have.
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
    dice_expected: float | None = None
    dice_low: float | None = None
    dice_high: float | None = None

    @property
    def areas(self) -> dict[str, float | None]:
        """The areas by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name.endswith(_AREA_UNITS)}


def measure(
    mask: NDArray[np.uint8] | NDArray[np.bool_],
    probability: NDArray[np.float32],
    spacing: tuple[float, float] | None = None,
    raw: NDArray[np.uint8] | NDArray[np.bool_] | None = None,
    *,
    shape: LungShape | None = None,
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
    shape : LungShape, optional
        What `monai_lungxfer.morphology.cleaning.clean_lungs_once` returned with this mask, made of this `raw`: the same
        results in less time.
    """
    mask = check_mask(mask)
    raw = mask if raw is None else raw
    shape = shape or LungShape(find_pieces(mask), is_unchanged=raw is mask)
    pieces = shape.pieces
    box = pieces.box()
    area = int(pieces.areas.sum())
    sides = lungs_by_side(pieces)
    right, left = (None, None) if sides is None else (int(pieces.areas[label - 1]) for label in sides)
    step = counting_step(mask.shape)
    drawn = find_pieces(check_mask(raw[::step, ::step])) if step > 1 or not shape.is_unchanged else pieces
    cm2 = None if spacing is None else spacing[0] * spacing[1] / 100
    return Measurements(
        lung_px=area,
        lung_cm2=_times(area, cm2),
        right_lung_px=right,
        right_lung_cm2=_times(right, cm2),
        left_lung_px=left,
        left_lung_cm2=_times(left, cm2),
        share=area / mask.size,
        height_share=_height_share(pieces),
        components=pieces.areas.size,
        bridges=bridges_within(drawn, shape.search),
        islands=islands_among(drawn),
        cleaned=0.0 if shape.is_unchanged else _changed_share(mask, raw),
        symmetry=None if right is None or left is None else min(right, left) / max(right, left),
        border=_border_share(mask),
        confidence=float(probability[box][mask[box]].mean(dtype=np.float64)) if area else None,
    )


def _height_share(pieces: Pieces) -> float:
    return float(pieces.rows[-1] - pieces.rows[0] + 1) / pieces.shape[0] if pieces.rows.size else 0.0


def _changed_share(mask: NDArray[np.bool_], raw: NDArray[np.generic]) -> float:
    return int(np.count_nonzero(mask != raw)) / max(1, int(np.count_nonzero(raw)))


def _border_share(mask: NDArray[np.bool_]) -> float:
    border = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return float(border.mean())


def _times(pixels: int | None, cm2: float | None) -> float | None:
    return None if pixels is None or cm2 is None else pixels * cm2
