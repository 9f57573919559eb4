"""Sizes that images are given, and the strides of networks that they follow."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.sizing import (
    MAX_ASPECT,
    SIZINGS,
    check_sizing,
    fit_size,
    network_stride,
    padded_size,
    training_sizes,
)
from monai_lungxfer.utils.errors import LungXferError

NATIVE = ((1910, 1526), (1526, 1910), (235, 331), (401, 401), (37, 91), (2000, 100), (100, 2000), (1, 4000))


@pytest.mark.parametrize("network", [DonorUNet(init_features=4), EfficientUNet(width=4)])
def test_the_stride_is_what_the_network_halves_by(network: nn.Module) -> None:
    stride = network_stride(network)
    assert stride is not None
    sizes: list[int] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    network.eval()(torch.zeros(1, 3, 2 * stride, 4 * stride))
    assert min(sizes) == 4


def test_a_wrapper_has_the_stride_of_what_it_wraps() -> None:
    assert network_stride(nn.Sequential(nn.Identity(), EfficientUNet(width=4))) == 32
    assert network_stride(nn.Conv2d(3, 1, 3, stride=2)) is None


@pytest.mark.parametrize("native", NATIVE)
def test_square_and_multi_are_the_image_size(native: tuple[int, int]) -> None:
    for sizing in ("square", "multi"):
        assert fit_size(native, [200, 100], sizing, 16) == (200, 100)
    assert fit_size(native, [200, 100]) == (200, 100)


@pytest.mark.parametrize("native", NATIVE)
def test_pad_has_the_longest_side_and_the_aspect(native: tuple[int, int]) -> None:
    height, width = fit_size(native, [256, 256], "pad", 16)
    assert max(height, width) == 256
    aspect = min(max(native[0] / native[1], 1 / MAX_ASPECT), MAX_ASPECT)
    assert height / width == pytest.approx(aspect, rel=0.01)
    assert (height > width) == (native[0] > native[1])


@pytest.mark.parametrize("stride", [16, 32])
@pytest.mark.parametrize("native", NATIVE)
def test_aspect_has_as_many_pixels(native: tuple[int, int], stride: int) -> None:
    height, width = fit_size(native, [256, 256], "aspect", stride)
    assert height % stride == width % stride == 0
    assert height * width == pytest.approx(256**2, rel=0.15)
    aspect = min(max(native[0] / native[1], 1 / MAX_ASPECT), MAX_ASPECT)
    assert height / width == pytest.approx(aspect, rel=0.1)


@pytest.mark.parametrize("sizing", SIZINGS)
@pytest.mark.parametrize("native", [(1, 100_000), (100_000, 1), (50, 1000)])
def test_strips_get_a_bounded_size(native: tuple[int, int], sizing: str) -> None:
    height, width = padded_size(fit_size(native, [96, 96], sizing, 32), 32)
    assert max(height, width) <= 2 * 96
    assert height * width <= 96**2 * 1.5


def test_training_sizes_are_around_the_image_size() -> None:
    assert training_sizes([192, 192], 32) == [(128, 128), (160, 160), (192, 192), (224, 224), (256, 256)]
    sizes = training_sizes([192, 128], 32)
    assert (192, 128) in sizes
    assert all(side % 32 == 0 for size in sizes for side in size)
    assert training_sizes([32, 32], 32) == [(32, 32)]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(LungXferError, match=r"no sizing 'oblong'.*square, pad, aspect, multi"):
        check_sizing("oblong")
    for sizing in ("pad", "aspect", "multi"):
        with pytest.raises(LungXferError, match=rf"sizing {sizing} needs the number.*stride=32"):
            check_sizing(sizing, None)
    assert check_sizing("square", None) == "square"
