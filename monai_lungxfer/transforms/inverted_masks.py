"""A transform that keeps inverted masks from a training."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform
from monai.utils import ImageMetaKey

from monai_lungxfer.morphology.plausibility import INVERT, find_inversion
from monai_lungxfer.utils.errors import InputFileError


class RefuseInvertedMasksd(MapTransform):
    """Refuses a mask with bright background and dark foreground, from which a network would learn the opposite.

    Parameters
    ----------
    keys : str or sequence of str
        Masks (1, H, W) at their native size, with their files' names as ``LoadImaged`` leaves them.

    Raises
    ------
    InputFileError
        When a mask looks inverted, see `monai_lungxfer.morphology.plausibility.find_inversion`.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the record as it is."""
        for key in self.key_iterator(data):
            problem = find_inversion(torch.as_tensor(data[key])[0].numpy())
            if problem is not None:
                raise InputFileError(
                    problem,
                    source=getattr(data[key], "meta", {}).get(ImageMetaKey.FILENAME_OR_OBJ),
                    remedy=f"{INVERT}; lungxfer data check finds all such masks",
                )
        return dict(data)
