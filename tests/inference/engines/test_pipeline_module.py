"""The steps of a pipeline beside those of PyTorch and MONAI that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import NormalizeIntensity
from torch.nn.functional import interpolate

from monai_lungxfer.inference.engines.pipeline_module import normalised, resize_antialiased


@pytest.mark.parametrize("size", [(512, 480), (192, 192), (100, 150), (90, 700), (2011, 1702), (33, 47)])
def test_resizing_is_that_of_interpolate(size: tuple[int, int]) -> None:
    image = torch.rand(1, *size, generator=torch.Generator().manual_seed(0)) * 4095
    expected = interpolate(image[None], (192, 176), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(resize_antialiased(image, (192, 176)), expected, atol=0.01, rtol=1e-5)


def test_resizing_does_not_alias() -> None:
    stripes = torch.zeros(1, 400, 400)
    stripes[:, ::2] = 1  # of which every fourth row alone would be black or white
    assert float((resize_antialiased(stripes, (100, 100)) - 0.5).abs().max()) < 0.2


@pytest.mark.parametrize("offset", [0, 60_000])
def test_normalising_is_that_of_monai(offset: float) -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(offset, 30, (3, 60, 50)).astype(np.float32))
    expected = NormalizeIntensity(channel_wise=True)(image)
    torch.testing.assert_close(normalised(image), expected, atol=1e-3, rtol=0)


def test_a_plane_of_one_value_stays_a_number() -> None:
    assert torch.equal(normalised(torch.full((1, 8, 8), 7.0)), torch.zeros(1, 8, 8))
