"""Turning the grey scale of a picture round whose air is bright, where the picture shows so beyond doubt."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ImageMetaKey

from monai_lungxfer.inference.content_check import CONTENT_KEY, TURNED_ROUND, TURNED_ROUND_KEY, ContentCheck

logger = logging.getLogger(__name__)


class FixPolarityd(MapTransform):
    """Looks at radiographs, and turns the grey scale of those round whose air is certainly bright.

    What was seen and done is in the metadata, see `monai_lungxfer.inference.content_check`. Where it is not certain,
    and where it is no chest, the values stay as they are. The mask needs no way back: it lies on the same pixels.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W), of which the first channel is looked at. They are best after the resizing, which is faster,
        and `NormalizeIntensityd`, by which any range of values is the same.
    active : bool
        Whether anything is turned round; the look is taken in either case.
    """

    def __init__(self, keys: KeysCollection, active: bool = True, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.active = active
        self._look = ContentCheck()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Look at each image."""
        seen = dict(data)
        for key in self.key_iterator(seen):
            image = seen[key]
            content = self._look(image.as_tensor()[:1])
            is_turned = self.active and content.is_certainly_reversed
            if is_turned:
                image = _turned_round(image)
            image.meta |= {CONTENT_KEY: content.as_array(), TURNED_ROUND_KEY: np.array(is_turned)}
            seen[key] = image
        return seen


def _turned_round(image: MetaTensor) -> MetaTensor:
    """Return an image reflected at the mean of each channel, which stays."""
    if file := image.meta.get(ImageMetaKey.FILENAME_OR_OBJ):  # images from memory are their owner's to tell of
        logger.warning("%s: %s", file, TURNED_ROUND)
    plain = image.as_tensor()
    return MetaTensor(2 * plain.mean((-2, -1), keepdim=True) - plain).copy_meta_from(image)
