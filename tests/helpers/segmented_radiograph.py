"""A segmentation of a small DICOM radiograph, without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from dicom_radiograph import SHAPE, lung_mask
from pydicom.dataset import Dataset

from monai_lungxfer.inference.image_traits import ImageTraits
from monai_lungxfer.inference.segmentation import ModelIdentity, PreparedRadiograph, Segmentation

MODEL = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32, ("threshold=0.4",))


def segmented(source: Dataset, mask: np.ndarray | None = None, **changes: Any) -> Segmentation:
    """Return the segmentation of a radiograph; the changes are attributes of the prepared radiograph."""
    mask = lung_mask() if mask is None else mask
    prepared = PreparedRadiograph(
        image=None,
        size=SHAPE,
        traits=ImageTraits(is_colour=False, is_frontal=True, entropy=7.0),
        format="dicom",
        spacing=(0.2, 0.3),
        spacing_source="ImagerPixelSpacing",
        header=source,
        picture=np.full(SHAPE, 90, np.uint8),
    )
    return Segmentation(mask, np.full(mask.shape, 0.99, np.float32), mask, replace(prepared, **changes), MODEL)
