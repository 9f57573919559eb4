"""Cleaning of lung masks as MONAI transforms."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection, NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_numpy

from monai_lungxfer.morphology.cleaning import clean_lungs
from monai_lungxfer.utils.errors import LungXferError


class CleanLungs(Transform):
    """`monai_lungxfer.morphology.cleaning.clean_lungs` for a channel-first mask.

    Examples
    --------
    >>> CleanLungs()(torch.eye(3)[None]).shape
    torch.Size([1, 3, 3])
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012 - MONAI's way to say so

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Clean a mask (1, H, W) of {0, 1}; the result has its type, device and metadata."""
        if img.ndim != 3 or img.shape[0] != 1:
            raise LungXferError(
                f"a mask to be cleaned must be (1, H, W); this one has the shape {tuple(img.shape)}",
                remedy="Clean single masks with one channel: put CleanLungsd right after AsDiscreted",
            )
        cleaned = clean_lungs(convert_to_numpy(img[0]))
        result: NdarrayOrTensor = convert_to_dst_type(cleaned[None], img)[0]
        return result


class CleanLungsd(MapTransform):
    """Dictionary version of `CleanLungs`, to come right after the threshold.

    Parameters
    ----------
    keys : str or sequence of str
        Masks.
    allow_missing_keys : bool
        Whether keys may be missing.
    """

    backend = CleanLungs.backend

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.cleaner = CleanLungs()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Clean the masks of a dictionary."""
        cleaned = dict(data)
        for key in self.key_iterator(cleaned):
            cleaned[key] = self.cleaner(cleaned[key])
        return cleaned
