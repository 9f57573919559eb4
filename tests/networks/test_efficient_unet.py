"""The U-Net with the encoder EfficientNet-Lite2: its size, its levels, its padding, and what it computes elsewhere."""

from __future__ import annotations

import pytest
import torch

from monai_lungxfer.networks.efficient_unet import EfficientUNet


@pytest.fixture(scope="module")
def network() -> EfficientUNet:
    torch.manual_seed(0)
    return EfficientUNet().eval()


def test_parameters_are_those_of_lite2_without_its_classifier(network: EfficientUNet) -> None:
    assert sum(weight.numel() for weight in network.encoder.parameters()) == 4_357_952
    assert sum(weight.numel() for weight in network.parameters()) == 5_435_777
    assert {name.partition(".")[0] for name in network.state_dict()} == {"encoder", "decoder"}


@pytest.mark.parametrize(("height", "width"), [(64, 96), (48, 80), (65, 33)])
def test_logits_have_the_size_of_the_image(network: EfficientUNet, height: int, width: int) -> None:
    with torch.no_grad():
        assert network(torch.zeros(2, 3, height, width)).shape == (2, 1, height, width)


def test_the_encoder_halves_five_times(network: EfficientUNet) -> None:
    with torch.no_grad():
        shapes = [tuple(level.shape[1:]) for level in network.encoder(torch.zeros(1, 3, 128, 64))]
    assert shapes == [(16, 64, 32), (24, 32, 16), (48, 16, 8), (120, 8, 4), (352, 4, 2)]


def test_even_lengths_are_padded_as_at_260_pixels(network: EfficientUNet) -> None:
    # TensorFlow's rule at 260 pixels: 260 and 130 on one side, 65, 33 and 17 on both.
    strided = [
        tuple(before.padding)
        for sequence in network.modules()
        if isinstance(sequence, torch.nn.Sequential)
        for before, layer in zip(sequence, list(sequence)[1:], strict=False)
        if isinstance(layer, torch.nn.Conv2d) and layer.stride == (2, 2)
    ]
    assert strided == [(0, 1, 0, 1), (0, 1, 0, 1), (2, 2, 2, 2), (1, 1, 1, 1), (2, 2, 2, 2)]


def test_deep_blocks_are_left_out_more_often_and_none_in_inference(network: EfficientUNet) -> None:
    image = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    rates = [module.drop_prob for module in network.modules() if hasattr(module, "drop_prob")]
    assert len(rates) == 21
    assert rates == sorted(rates)
    assert rates[0] == 0.0
    assert rates[-1] == pytest.approx(0.1 * 20 / 21)
    with torch.no_grad():
        assert torch.equal(network(image), network(image))


def test_torchscript_computes_the_same(network: EfficientUNet) -> None:
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.equal(torch.jit.script(network)(image), network(image))


@pytest.fixture(scope="module")
def small() -> EfficientUNet:
    torch.manual_seed(0)
    return EfficientUNet(width=8, last_blocks=2, levels=4).eval()


def test_the_smaller_network_needs_a_third_of_the_multiplications(network: EfficientUNet, small: EfficientUNet) -> None:
    assert sum(weight.numel() for weight in small.parameters()) == 2_309_604
    assert multiplications(small) / multiplications(network) < 0.35


def multiplications(network: EfficientUNet) -> int:
    """Count those of convolutions with an image of 192x192 pixels."""
    counted = 0

    def count(layer: torch.nn.Conv2d, _: object, found: torch.Tensor) -> None:
        nonlocal counted
        counted += layer.weight.numel() * found.shape[-2] * found.shape[-1]

    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.no_grad():
        network(torch.zeros(1, 3, 192, 192))
    for hook in hooks:
        hook.remove()
    return counted


def test_the_smaller_network_takes_the_encoder_of_the_larger_one(network: EfficientUNet, small: EfficientUNet) -> None:
    larger = network.encoder.state_dict()
    missing = [name for name, value in small.encoder.state_dict().items() if larger[name].shape != value.shape]
    assert missing == []


@pytest.mark.parametrize(("height", "width"), [(64, 96), (48, 80), (65, 33)])
def test_four_logits_a_pixel_have_the_size_of_the_image(small: EfficientUNet, height: int, width: int) -> None:
    image = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert small(image).shape == (2, 1, height, width)
        assert torch.equal(torch.jit.script(small)(image), small(image))


def test_several_structures_have_four_logits_each() -> None:
    with torch.no_grad():
        assert EfficientUNet(1, 3, width=2, levels=4).eval()(torch.zeros(1, 1, 32, 32)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("sizes", [{"width": 0}, {"last_blocks": 7}, {"last_blocks": 0}, {"levels": 3}])
def test_sizes_that_no_network_has_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"width must be 1 or more, last_blocks 1 to 6, and levels 4 or 5"):
        EfficientUNet(**sizes)
