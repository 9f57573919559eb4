"""Soft masks as 8-bit images: probabilities, and pixels that no loss may see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.utils.errors import LungXferError

CERTAIN = 254
"""The value that stands for a probability of 1; 0 stands for 0, and those between are in proportion."""

IGNORED = 255
"""The value of pixels that are ignored."""


def encode_soft_mask(probability: NDArray[Any], ignored: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return probabilities as a soft mask; the error of rounding is at most 0.002.

    Parameters
    ----------
    probability : numpy.ndarray
        Of lung, (H, W), 0 to 1.
    ignored : numpy.ndarray, optional
        uint8 (H, W); pixels above 0 are ignored.

    Raises
    ------
    LungXferError
        When the two differ in size.

    Examples
    --------
    >>> encode_soft_mask(np.array([[0.0, 0.5, 1.0]]), np.array([[0, 0, 1]], np.uint8))
    array([[  0, 127, 255]], dtype=uint8)
    """
    mask = np.rint(probability * CERTAIN).astype(np.uint8)
    if ignored is not None:
        if ignored.shape != mask.shape:
            sizes = f"the file of ignored pixels has the size {ignored.shape}, the image {mask.shape}"
            raise LungXferError(sizes, remedy="Make it in the image's own size")
        mask[ignored > 0] = IGNORED
    return mask
