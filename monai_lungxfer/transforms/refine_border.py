"""Border refinement as MONAI transforms: what is kept of the radiograph for it, and the correction itself."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_tensor

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.inference.border_refinement import make_picture, refine_probability
from monai_lungxfer.inference.content_check import TURNED_ROUND_KEY
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.refiner_file import load_refiner, read_refiner

PICTURE_KEY = "border_picture"
"""In the metadata of an image: what a refiner sees of it, as it was stored; bytes, which batches of any sizes take."""


class KeepPictured(MapTransform):
    """Keeps, in the metadata of an image, a picture of it for `RefineBorderd`, before it is turned or resized.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W).
    refiner : str or pathlib.Path
        The refiner's file, which says how large a picture it wants.
    """

    def __init__(self, keys: KeysCollection, refiner: str | Path, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.side = read_refiner(refiner).side

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Keep a picture of each image; the images stay as they are."""
        kept = dict(data)
        for key in self.key_iterator(kept):
            image = kept[key]
            picture = make_picture(image.as_tensor(), self.side).half().numpy()
            written = io.BytesIO()
            np.save(written, picture, allow_pickle=False)
            image.meta[PICTURE_KEY] = written.getvalue()
        return kept


class RefineBorderd(MapTransform):
    """Corrects probabilities of native size along their border, between ``Invertd`` and the threshold.

    Parameters
    ----------
    keys : str or sequence of str
        Probabilities of lung, (1, H, W).
    image_key : str
        The image that they were predicted from, with the picture that `KeepPictured` has kept.
    refiner : str or pathlib.Path
        The refiner's file.
    weights : str or pathlib.Path
        The weights in use, which must be those that the refiner learnt for.

    Raises
    ------
    TransferError
        When there is no such refiner, or it is one of other weights.
    """

    def __init__(
        self,
        keys: KeysCollection,
        image_key: str,
        refiner: str | Path,
        weights: str | Path,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key
        self.network, _, self.sha256 = load_refiner(refiner, hash_file(resolve_weights(weights)))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Correct the probabilities of a dictionary."""
        refined = dict(data)
        meta = refined[self.image_key].meta
        if PICTURE_KEY not in meta:
            raise LungXferError(
                "a border refiner is set, and preprocessing keeps no picture for it",
                remedy="Put KeepPictured before the image is turned and resized, as the bundle's own files do",
            )
        picture = torch.from_numpy(np.load(io.BytesIO(meta[PICTURE_KEY]), allow_pickle=False)).float()
        if bool(meta.get(TURNED_ROUND_KEY, False)):  # the grey scale, see `FixPolarityd`
            picture = -picture
        turn = Turn(*map(bool, meta.get("turn", ())))
        for key in self.key_iterator(refined):
            refined[key] = self._refined(refined[key], turn.apply(picture), turn)
        return refined

    def _refined(self, probability: torch.Tensor, picture: torch.Tensor, turn: Turn) -> Any:
        upright = turn.apply(convert_to_tensor(probability, track_meta=False)[0].float().cpu())
        corrected = turn.undo(refine_probability(upright.contiguous(), picture.contiguous(), self.network))
        return convert_to_dst_type(corrected[None], probability)[0]
