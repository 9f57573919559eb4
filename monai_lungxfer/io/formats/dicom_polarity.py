"""Whether a DICOM header says that air is bright, and how raw intensities become a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

_MONO1 = "MONOCHROME1"


def is_reversed(dataset: Dataset, interpretation: str, remarks: list[str]) -> bool:
    """Return whether the grey scale must be inverted for air to be dark.

    The first row that fits counts. "Air" is what the pixels show where the beam met nothing.

    ======================= =========================== ========== ===================================================
    Presentation LUT Shape  Photometric Interpretation  inverted   why
    ======================= =========================== ========== ===================================================
    INVERSE                 MONOCHROME2                 yes        the shape is applied last, as DCMTK does; remarked
    IDENTITY                MONOCHROME1                 no         likewise; remarked
    any, none               MONOCHROME1                 yes        the lowest value is white (PS3.3, C.7.6.3.1.2)
    any, none               MONOCHROME2                 no         but see below
    ======================= =========================== ========== ===================================================

    An image FOR PROCESSING has no Presentation LUT Shape. Pixel Intensity Relationship Sign (0028,1041) says then how
    values follow the intensity of the beam (PS3.3, C.8.11.3.1.2): 1 means that air has high values, -1 low ones.
    """
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    is_mono1 = interpretation == _MONO1
    if _is_raw(dataset):
        air_is_high = _sign(dataset) == 1
        if air_is_high != is_mono1:
            remarks.append("it is FOR PROCESSING, and its sign, not its Photometric Interpretation, says what is air")
        return air_is_high
    if (shape, is_mono1) in (("INVERSE", False), ("IDENTITY", True)):
        remarks.append("its Presentation LUT Shape contradicts its Photometric Interpretation, and was followed")
        return shape == "INVERSE"
    return is_mono1


def _is_raw(dataset: Dataset) -> bool:
    """Tell whether an image is FOR PROCESSING and says how its values follow the intensity of the beam."""
    return str(dataset.get("PresentationIntentType") or "").strip() == "FOR PROCESSING" and _sign(dataset) is not None


def is_linear(dataset: Dataset) -> bool:
    """Tell whether raw values are proportional to the intensity: Pixel Intensity Relationship (0028,1040) is LIN."""
    return _is_raw(dataset) and str(dataset.get("PixelIntensityRelationship") or "").strip() == "LIN"


def attenuation(intensity: NDArray[np.float32], highest: float) -> NDArray[np.float32]:
    """Return how much of the beam was absorbed, by the law of Lambert and Beer, from 0 (air) to `highest`.

    Parameters
    ----------
    intensity : numpy.ndarray
        (H, W) Proportional to the intensity of the beam, at most `highest`.
    highest : float
        The highest value that can be stored.
    """
    return (highest * (1 - np.log(np.clip(intensity, 1, highest)) / np.log(highest))).astype(np.float32, copy=False)


def _sign(dataset: Dataset) -> int | None:
    value = str(dataset.get("PixelIntensityRelationshipSign") or "").strip()
    return int(value) if value in ("1", "-1") else None
