"""A training refuses inverted masks by the names of their files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_lungxfer.transforms.inverted_masks import RefuseInvertedMasksd
from monai_lungxfer.utils.errors import InputFileError


def test_masks() -> None:
    mask = np.zeros((1, 60, 80), np.uint8)
    mask[:, 10:50, 10:30] = mask[:, 10:50, 50:70] = 1
    record = {"label": MetaTensor(torch.as_tensor(mask))}
    assert RefuseInvertedMasksd("label")(record)["label"] is record["label"]
    inverted = MetaTensor(torch.as_tensor(1 - mask), meta={"filename_or_obj": "inverted.png"})
    with pytest.raises(InputFileError, match=r"inverted\.png: its mask looks inverted: 100% .* data check"):
        RefuseInvertedMasksd("label")({"label": inverted})
