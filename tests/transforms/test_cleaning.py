"""The cleaning of masks as MONAI transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_lungxfer.morphology.cleaning import clean_lungs
from monai_lungxfer.transforms.cleaning import CleanLungs, CleanLungsd
from monai_lungxfer.utils.errors import LungXferError


def dirty_mask() -> np.ndarray:
    """Two lungs, joined by a band."""
    mask = np.zeros((220, 256), bool)
    mask[30:190, 30:110] = mask[40:185, 140:230] = True
    mask[100:108, 70:185] = True
    return mask


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_transform_keeps_type_and_meta(kind: torch.dtype) -> None:
    dirty = torch.as_tensor(dirty_mask())[None].to(kind)
    image = MetaTensor(dirty.clone(), meta={"pixel_spacing": (0.2, 0.3)})
    data = {"pred": image, "other": 3}
    result = CleanLungsd("pred")(data)
    assert result["other"] == 3
    assert result["pred"].dtype == kind
    assert result["pred"].meta["pixel_spacing"] == (0.2, 0.3)
    assert np.array_equal(result["pred"][0].numpy(), clean_lungs(dirty[0].numpy()))
    assert not np.array_equal(result["pred"][0].numpy(), dirty[0].numpy())
    assert torch.equal(image.as_tensor(), dirty)  # the input is not written to
    assert type(CleanLungs()(dirty)) is torch.Tensor
    assert isinstance(CleanLungs()(dirty.numpy()), np.ndarray)


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6), (1, 1, 4, 6)])
def test_transform_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(LungXferError, match="must be \\(1, H, W\\)"):
        CleanLungs()(torch.zeros(shape))


def test_transform_refuses_probabilities() -> None:
    with pytest.raises(LungXferError, match="values 0 and 1"):
        CleanLungsd("pred")({"pred": torch.full((1, 4, 6), 0.7)})


def test_missing_keys_are_allowed_on_request() -> None:
    assert CleanLungsd("pred", allow_missing_keys=True)({"x": 1}) == {"x": 1}
