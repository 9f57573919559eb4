"""Masks from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.public.item import Draw, DrawnMask
from monai_lungxfer.utils.errors import InputFileError


def unite_masks(files: Sequence[Path]) -> Draw:
    """Return how to make one mask of several files at the size of the image, such as one for each lung."""

    def draw(height: int, width: int) -> DrawnMask:
        from monai_lungxfer.io.radiograph import read_mask  # imports MONAI, which listing a folder does without

        foreground = np.zeros((height, width), bool)
        for file in files:
            mask = read_mask(file)
            check_shape(mask, height, width, file)
            foreground |= mask.astype(bool)
        return DrawnMask(foreground)

    return draw


def check_shape(mask: NDArray[np.generic], height: int, width: int, file: Path) -> None:
    """Refuse a mask of another size than its image.

    Raises
    ------
    InputFileError
        When the sizes differ.
    """
    if mask.shape != (height, width):
        raise InputFileError(
            f"the mask has {mask.shape[0]} × {mask.shape[1]} pixels (rows × columns), its image {height} × {width}",
            source=file,
            remedy="Make the mask in the image's own size",
        )
