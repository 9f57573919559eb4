"""Pictures lie upright for the network, and results come back in the stored frame."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from monai.transforms import Compose

from monai_lungxfer.io.monai_readers import as_meta_tensor
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.transforms.resize import AntialiasedResized
from monai_lungxfer.transforms.upright import Uprightd


@pytest.mark.parametrize("flags", itertools.product([False, True], repeat=3))
def test_there_and_back(flags: tuple[bool, bool, bool]) -> None:
    turn = Turn(*flags)
    pixels = np.random.default_rng(0).random((40, 60), np.float32)
    image = as_meta_tensor(Radiograph(pixels, "array", turn=turn))
    transform = Uprightd(keys="image")
    laid = transform({"image": image})
    np.testing.assert_array_equal(laid["image"][0].numpy(), turn.apply(pixels))
    back = transform.inverse(laid)
    np.testing.assert_array_equal(back["image"][0].numpy(), pixels)


@pytest.mark.parametrize("flags", [(True, False, True), (False, True, False)])
def test_before_a_resize(flags: tuple[bool, bool, bool]) -> None:
    turn = Turn(*flags)
    smooth = np.add.outer(np.linspace(0, 1, 40), np.linspace(0, 3, 60)).astype(np.float32)
    steps = Compose([Uprightd(keys="image"), AntialiasedResized(keys="image", spatial_size=(80, 80))])
    laid = steps({"image": as_meta_tensor(Radiograph(smooth, "array", turn=turn))})
    assert laid["image"].shape == (1, 80, 80)
    back = steps.inverse(laid)["image"]
    assert back.shape == (1, 40, 60)
    assert torch.allclose(back.as_tensor()[0, 2:-2, 2:-2], torch.from_numpy(smooth)[2:-2, 2:-2], atol=0.05)
