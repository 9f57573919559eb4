"""Where readers agree, and where a contour is wrong: Dice beyond a band, and contour distance by zone of the lungs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.morphology.lungs import TOUCHING, find_lungs, piece_areas

Mask = NDArray[np.bool_]

BAND_PIXELS = 2
"""Width of the band on either side of the drawn contour, in pixels."""

ZONES = ("APEX", "BASE", "MEDIASTINAL", "LATERAL", "RETROCARDIAC")
"""The zones in the order of the numbers that `find_zones` gives them, from 1."""

END_SHARE = 0.2
"""Apex and base are this share of a lung's height each."""


def dice_beyond_band(mask: Mask, truth: Mask) -> float:
    """Return the Dice of the pixels that lie farther than `BAND_PIXELS` from the truth's contour.

    Two readers rarely draw the same contour to the pixel, so an error within the band says little. A pixel's distance
    is that to the nearest pixel on the other side. Where no pixel of either mask is left, they agree: 1.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool (H, W).
    """
    far = np.ones_like(truth)
    if truth.any() and not truth.all():
        far = ndimage.distance_transform_edt(truth) + ndimage.distance_transform_edt(~truth) > BAND_PIXELS
    both = np.count_nonzero(mask & far) + np.count_nonzero(truth & far)
    return 2 * np.count_nonzero(mask & truth & far) / both if both else 1.0


def find_zones(truth: Mask) -> NDArray[np.uint8] | None:
    """Return the zone of every pixel of two drawn lungs, or None where there are not two lungs that are apart.

    The highest fifth of each lung is its apex, the lowest fifth its base. Between them, the half of each row that faces
    the other lung is mediastinal, the other half lateral. In the patient's left lung, on the right of the image, the
    mediastinal part below half the lung's height is retrocardiac instead.

    Parameters
    ----------
    truth : numpy.ndarray
        bool (H, W), upright, the patient's right on the left side.

    Returns
    -------
    numpy.ndarray or None
        uint8 (H, W): the place in `ZONES`, from 1; 0 outside the lungs.
    """
    pieces, _ = ndimage.label(truth, TOUCHING)
    labels = find_lungs(piece_areas(pieces))
    if len(labels) < 2:
        return None
    lungs = sorted((pieces == label for label in labels), key=lambda lung: float(np.nonzero(lung)[1].mean()))
    zones = np.zeros(truth.shape, np.uint8)
    for is_left, lung in enumerate(lungs):
        rows, columns = np.nonzero(lung)
        height = (rows - rows.min() + 0.5) / (rows.max() - rows.min() + 1)
        towards = (columns if is_left else -columns) < _middles(lung, is_left)[rows]
        behind_heart = towards & (height > 0.5) & bool(is_left)
        zone = np.select([height < END_SHARE, height > 1 - END_SHARE, behind_heart, towards], [1, 2, 5, 3], 4)
        zones[rows, columns] = zone
    return zones


def _middles(lung: Mask, is_left: int) -> NDArray[np.float64]:
    """Return the middle column of each row, negative for the right lung, so that smaller means nearer to the heart."""
    first = lung.argmax(axis=1)
    last = lung.shape[1] - 1 - lung[:, ::-1].argmax(axis=1)
    middles = (first + last) / 2
    return middles if is_left else -middles


def zone_distances(mask: Mask, truth: Mask, spacing: Sequence[float] | None = None) -> dict[str, float]:
    """Return the mean distance of both contours in each of `ZONES`, as ASD is over all of them.

    A pixel of either contour belongs to the zone of the nearest pixel of the truth's contour. NaN where the truth has
    not two lungs that are apart, or the zone has no contour; the diagonal of the image where the mask is empty.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        bool (H, W).
    spacing : sequence of float, optional
        Of (rows, columns) in mm; the distances are in mm then, else in pixels.
    """
    zones = find_zones(truth)
    if zones is None:
        return dict.fromkeys(ZONES, math.nan)
    sampling = spacing or (1.0, 1.0)
    drawn, found = _contour(truth) & (zones > 0), _contour(mask)
    from_drawn, nearest = ndimage.distance_transform_edt(~drawn, sampling=sampling, return_indices=True)
    from_found = ndimage.distance_transform_edt(~found, sampling=sampling)
    if not mask.any():
        from_found = np.full(mask.shape, math.hypot(*np.multiply(mask.shape, sampling)))
    distances = np.concatenate([from_found[drawn], from_drawn[found]])
    of_zone = zones[tuple(nearest)]
    places = np.concatenate([of_zone[drawn], of_zone[found]])
    drawn_in = set(np.unique(zones[drawn]))
    return {
        zone: float(distances[places == number].mean()) if number in drawn_in else math.nan
        for number, zone in enumerate(ZONES, 1)
    }


def _contour(mask: Mask) -> Mask:
    """Return the outermost pixels of a mask, also along the edge of the image."""
    return mask & ~ndimage.binary_erosion(mask)


ZONE_DISTANCES = tuple(f"ASD_{zone}" for zone in ZONES)
"""Names of the metrics of `zone_distances`, in the order of `ZONES`."""

BEYOND_BAND = f"DICE_BEYOND_{BAND_PIXELS}PX"
"""Name of the metric `dice_beyond_band`."""
