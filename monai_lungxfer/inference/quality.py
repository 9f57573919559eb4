"""Flags for masks that a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

from monai_lungxfer.inference.image_traits import ImageTraits
from monai_lungxfer.inference.measurements import Measurements

FLAGS = {
    "empty": "no lung was found",
    "not_two_lungs": "one piece of lung where two are expected, and no bridge explains it",
    "bridge": "the network drew a band that joins the two lungs",
    "island": "the network drew a piece of lung away from the two lungs",
    "area_out_of_range": "the lungs cover an unusual share of the image",
    "area_implausible": "lungs of an adult do not have such an area in cm²: the pixel spacing or the mask is wrong",
    "short_lungs": "the lungs reach over little of the image's height: their lower part may be missing",
    "asymmetric": "one lung is much smaller than the other",
    "touches_border": "much of the image's border is lung: the lungs may be cut off",
    "low_confidence": "the mask is expected to overlap too little with one that a person would draw",
    "colour_image": "the image has colours, so it may not be a radiograph",
    "few_shades": "the image has few shades of grey: it may be blank, a page, a drawing or a mask",
    "no_chest": "the picture does not look like one radiograph of a chest",
    "inverted_grey": "air is bright: unless a remark says that it was turned round, the mask may be wrong",
    "turned": "the picture looks as if it lay upside down or on its side: the mask may be wrong",
    "damaged_picture": "a part of the picture is not what was taken; a remark says why: compare it with its source",
    "not_frontal": "its header says that this is no frontal view",
}
"""Every flag and what it means."""

IMAGE_FLAGS = frozenset(
    ("colour_image", "few_shades", "no_chest", "inverted_grey", "turned", "damaged_picture", "not_frontal")
)
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
    min_adult_cm2, max_cm2 : float
        Least area of the lungs in cm², unless the header says that the patient is a child, and greatest of anybody.
    min_height_share : float
        Least height of the lungs, both together, over the image's height.
    min_symmetry : float
        Least area of the smaller lung over the area of the larger.
    max_border : float
        Greatest share of the pixels on the image's border that are lung.
    max_border_uneven, min_symmetry_even : float
        The same where a lung may be cut off: the smaller has less than this share of the larger's area, or is missing.
    min_dice : float
        Least expected Dice coefficient, where it is known.
    min_confidence : float
        Least mean probability over the pixels that are lung.
    min_entropy : float
        Least entropy of the image's grey values in bits.
    """

    min_share: float = 0.15
    max_share: float = 0.58
    min_adult_cm2: float = 150
    max_cm2: float = 1000
    min_height_share: float = 0.48
    min_symmetry: float = 0.6
    max_border: float = 0.2
    max_border_uneven: float = 0.1
    min_symmetry_even: float = 0.7
    min_dice: float = 0.91
    min_confidence: float = 0.9
    min_entropy: float = 4.0


THRESHOLDS = Thresholds()
"""The table that flags are raised by."""


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
        "touches_border": is_cut_off(m.border, m.symmetry, t),
        "area_implausible": found and not _is_plausible(m.lung_cm2, traits is not None and traits.is_child, t),
        "low_confidence": (m.confidence is not None and m.confidence < t.min_confidence)
        or (m.dice_expected is not None and m.dice_expected < t.min_dice),
        "colour_image": traits is not None and traits.is_colour,
        "few_shades": traits is not None and traits.entropy < t.min_entropy,
        "damaged_picture": traits is not None and traits.is_damaged,
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


def is_cut_off(border: float, symmetry: float | None, thresholds: Thresholds = THRESHOLDS) -> bool:
    """Judge by two `Measurements` whether the lungs reach beyond the image: ``touches_border``."""
    is_even = symmetry is not None and symmetry >= thresholds.min_symmetry_even
    return border > (thresholds.max_border if is_even else thresholds.max_border_uneven)


def _is_plausible(cm2: float | None, is_child: bool, thresholds: Thresholds) -> bool:
    return cm2 is None or (0 if is_child else thresholds.min_adult_cm2) <= cm2 <= thresholds.max_cm2
