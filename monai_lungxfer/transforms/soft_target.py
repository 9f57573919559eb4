"""Targets of a student: drawn masks, soft pseudo-masks and pixels to ignore, as one 8-bit image each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import LoadImage, MapTransform

from monai_lungxfer.data.soft_masks import CERTAIN, IGNORED
from monai_lungxfer.io.monai_readers import MaskReader, RadiographReader
from monai_lungxfer.transforms.inverted_masks import RefuseInvertedMasksd
from monai_lungxfer.transforms.resize import SameSized


class SoftTargetd(MapTransform):
    """Read the target of a record: a drawn mask, or a pseudo-mask where the record says ``soft``.

    The result is float32 (1, H, W) with the values 0 to `CERTAIN`. Where the record names a file of foreign objects
    (``ignore``), it is `IGNORED`. A pseudo-mask has these values already, see `scripts/make_pseudo_masks.py`.

    Parameters
    ----------
    keys : str or sequence of str
        Files of targets.
    soft_key, ignore_key : str
        Whether the target is a pseudo-mask, and the file of the pixels to ignore; a record may lack both.

    Raises
    ------
    InputFileError
        When a file cannot be read, a mask looks inverted, or the pixels to ignore have another size.
    """

    def __init__(
        self, keys: KeysCollection, soft_key: str = "soft", ignore_key: str = "ignore", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.soft_key, self.ignore_key = soft_key, ignore_key
        self._soft = LoadImage(reader=RadiographReader, image_only=True, ensure_channel_first=True)
        self._mask = LoadImage(reader=MaskReader, image_only=True, ensure_channel_first=True)
        self._refuse = RefuseInvertedMasksd("mask")
        self._same = SameSized(["mask", "ignored pixels"])

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the record with its targets read."""
        result = dict(data)
        for key in self.key_iterator(result):
            if result.get(self.soft_key):
                target = self._soft(result[key])
            else:
                mask = self._mask(result[key])
                self._refuse({"mask": mask})
                target = mask * float(CERTAIN)
            if result.get(self.ignore_key):
                ignored = self._mask(result[self.ignore_key])
                self._same({"mask": target, "ignored pixels": ignored})
                target[ignored > 0] = IGNORED
            result[key] = target
        return result


def with_soft_targets(transforms: Sequence[Any]) -> list[Any]:
    """Return a bundle's deterministic transforms with `SoftTargetd` in place of what reads and checks masks."""
    kept = [step for step in transforms if not isinstance(step, RefuseInvertedMasksd) and not _reads_labels(step)]
    return [SoftTargetd("label"), *kept]


def _reads_labels(step: Any) -> bool:
    loader = getattr(step, "_loader", None)
    return isinstance(loader, LoadImage) and step.keys == ("label",)
