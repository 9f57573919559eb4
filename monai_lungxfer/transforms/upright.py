"""Laying a picture upright for the network, and the mask back into the frame of the file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform

from monai_lungxfer.io.orientation import Turn


class Uprightd(MapTransform, InvertibleTransform):
    """Turns images as their header says that they stand upright; the inverse turns a mask back into the stored frame.

    Pictures whose header says nothing, or that they stand upright already, stay as they are.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W), as ``LoadImaged`` with `monai_lungxfer.io.monai_readers.RadiographReader` leaves them: its
        metadata has the `monai_lungxfer.io.orientation.Turn` under ``turn``.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Turn each image."""
        laid = dict(data)
        for key in self.key_iterator(laid):
            image = laid[key]
            turn = _turn(image.meta.get("turn", ()))
            turned = MetaTensor(turn.apply(image.as_tensor())).copy_meta_from(image)
            self.push_transform(turned, orig_size=image.shape[1:], extra_info={"turn": list(turn.flags)})
            laid[key] = turned
        return laid

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Turn each image back."""
        stored = dict(data)
        for key in self.key_iterator(stored):
            image = stored[key]
            turn = _turn(self.pop_transform(image)["extra_info"]["turn"])
            stored[key] = MetaTensor(turn.undo(image.as_tensor())).copy_meta_from(image)
        return stored


def _turn(flags: Any) -> Turn:
    return Turn(*(bool(flag) for flag in flags))
