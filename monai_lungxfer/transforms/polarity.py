"""Turning the grey scale of a picture round whose air is bright, where the picture shows so beyond doubt."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ImageMetaKey

from monai_lungxfer.inference.content_check import CONTENT_KEY, TURNED_ROUND, TURNED_ROUND_KEY, Content
from monai_lungxfer.inference.content_network import ContentLook, turn_round
from monai_lungxfer.inference.quality import FLAGS

logger = logging.getLogger(__name__)


class FixPolarityd(MapTransform):
    """Looks at radiographs, and turns the grey scale of those round whose air is certainly bright.

    What was seen and done is in the metadata, see `monai_lungxfer.inference.content_check`. Where it is not certain,
    and where it is no chest, the values stay as they are. The mask needs no way back: it lies on the same pixels.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W), of which the first channel is looked at. After a resizing this is faster. It comes before
        `NormalizeIntensityd`, since the values get another mean where there is a border.
    active : bool
        Whether anything is turned round; the look is taken in either case.
    """

    def __init__(self, keys: KeysCollection, active: bool = True, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.active = active
        self._look = ContentLook()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Look at each image."""
        seen = dict(data)
        for key in self.key_iterator(seen):
            image = seen[key]
            with torch.inference_mode():
                logits, is_border = self._look(image.as_tensor()[:1].float())
                turned, is_certain = turn_round(image.as_tensor(), logits, is_border)
            content, is_turned = Content.from_logits(logits.cpu().numpy()), self.active and bool(is_certain)
            _warn(image, content, is_turned=is_turned)
            if is_turned:
                image = MetaTensor(turned.clone()).copy_meta_from(image)
            image.meta |= {CONTENT_KEY: content.as_array(), TURNED_ROUND_KEY: np.array(is_turned)}
            seen[key] = image
        return seen


def _warn(image: MetaTensor, content: Content, *, is_turned: bool) -> None:
    """Tell of an image that was read from a file what it looks like; those from memory are their owner's to tell of."""
    file = image.meta.get(ImageMetaKey.FILENAME_OR_OBJ)
    if not file:
        return
    if is_turned:
        logger.warning("%s: %s", file, TURNED_ROUND)
    for flag, is_raised in content.flags.items():
        if is_raised and not (is_turned and flag == "inverted_grey"):
            logger.warning("%s: look at the mask: %s (%s)", file, FLAGS[flag], flag)
