"""What an image itself tells of whether it is a frontal chest radiograph. Hints, not a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.content_check import Content
from monai_lungxfer.io.formats.dicom_view import FRONTAL_VIEWS
from monai_lungxfer.io.radiograph import Radiograph

_SHADES = 256
_SAMPLED_SIDE = 512
_ADULT = {"D": 16 * 365, "W": 16 * 52, "M": 16 * 12, "Y": 16}


@dataclass(frozen=True)
class ImageTraits:
    """Traits of an image that its mask does not show.

    Attributes
    ----------
    is_colour : bool
        Whether the channels of the file differ.
    is_frontal : bool or None
        By the view in the DICOM header; ``None`` where that or another format does not say.
    entropy : float
        See `grey_entropy`.
    is_child : bool
        By the age in the DICOM header, under 16 years; ``False`` where that or another format does not say.
    is_damaged : bool
        Whether the decoder said so, or the picture looks so, see `monai_lungxfer.inference.picture_damage`.
    content : Content or None
        What the picture seems to show, see `monai_lungxfer.inference.content_check`.
    is_turned_round : bool
        Whether the network was given the picture with its grey scale turned round.
    """

    is_colour: bool
    is_frontal: bool | None
    entropy: float
    content: Content | None = None
    is_turned_round: bool = False
    is_child: bool = False
    is_damaged: bool = False

    @property
    def is_upright(self) -> bool | None:
        """Whether the picture looks like an upright chest; ``None`` where nobody looked."""
        return None if self.content is None else self.content.is_chest and self.content.quarter_turns == 0


def measure_traits(
    radiograph: Radiograph,
    content: Content | None = None,
    *,
    is_turned_round: bool = False,
    looks_damaged: bool = False,
) -> ImageTraits:
    """Return the traits of a radiograph."""
    is_frontal = None if radiograph.view is None else radiograph.view in FRONTAL_VIEWS
    age = "" if radiograph.header is None else str(radiograph.header.get("PatientAge", "") or "")
    return ImageTraits(
        radiograph.is_colour,
        is_frontal,
        grey_entropy(radiograph.pixels),
        content,
        is_turned_round,
        is_child=_is_child(age),
        is_damaged=radiograph.is_damaged or looks_damaged,
    )


def _is_child(age: str) -> bool:
    """Judge an age as DICOM writes it: a number with D, W, M or Y for its unit, which some leave out for years."""
    number, unit = (age, "Y") if age.strip().isdigit() else (age[:-1], age[-1:].upper())
    return number.strip().isdigit() and int(number) < _ADULT.get(unit, 0)


def grey_entropy(pixels: NDArray[np.float32]) -> float:
    """Return Shannon's entropy of the grey values in bits, 0 to 8.

    The histogram has 256 bins from the lowest to the highest value of the image, thinned out to about 512 x 512. A
    constant image has 0 bits, a mask 1 at most, a page of text little more, a radiograph about 7.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W), or (3, H, W), of any range.
    """
    step = max(1, max(pixels.shape[-2:]) // _SAMPLED_SIDE)
    sampled = pixels[..., ::step, ::step].astype(np.float64)  # in which no range of float32 is too wide or too narrow
    low, high = sampled.min(), sampled.max()
    if not low < high:
        return 0.0
    sampled -= low
    sampled /= high - low
    sampled *= _SHADES
    counts = np.bincount(sampled.astype(np.intp).ravel(), minlength=_SHADES + 1)  # np.histogram, in a third of the time
    counts[_SHADES - 1] += counts[_SHADES]
    counts = counts[:_SHADES]
    shares = counts[counts > 0] / counts.sum()
    return float(np.sum(shares * np.log2(1 / shares)))
