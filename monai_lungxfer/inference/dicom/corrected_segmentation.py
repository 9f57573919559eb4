"""The DICOM Segmentation of a mask that a person has corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.segmentation import lung_segmentation

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

    from monai_lungxfer.inference.segmentation import ModelIdentity

CORRECTED_DESCRIPTION = "Lung mask (AI, corrected), research only, not for clinical use"
"""Series Description (0008,103E) of every corrected segmentation."""


def corrected_segmentation(
    source: Dataset,
    mask: NDArray[np.uint8],
    identity: ModelIdentity,
    *,
    reviewer: str | None = None,
    sides: bool = False,
) -> Segmentation:
    """Make the DICOM Segmentation of a mask that a person has corrected: semi-automatic, and a series of its own.

    Parameters and errors are those of `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`. The reviewer, if
    given, is the Content Creator's Name (0070,0084). The algorithm's parameters say that the mask was corrected.
    """
    # Which also gives other UIDs than those of the network's mask.
    corrected = replace(identity, overrides=(*identity.overrides, "corrected=by hand"))
    segmentation = lung_segmentation(source, mask, corrected, sides=sides)
    for segment in segmentation.SegmentSequence:
        segment.SegmentAlgorithmType = "SEMIAUTOMATIC"
    segmentation.SeriesDescription = CORRECTED_DESCRIPTION
    segmentation.ContentDescription = "Corrected by a person"
    if reviewer:
        name = DataElement("ContentCreatorName", "PN", reviewer, validation_mode=config.IGNORE)
        segmentation.add(name)
    return segmentation
