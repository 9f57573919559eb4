"""The donor's U-Net: the hub checkpoint's keys and shapes, built here from the published facts alone."""

from __future__ import annotations

import pytest
import torch

from monai_lungxfer.networks.donor_unet import DonorUNet

WIDTHS = (32, 64, 128, 256, 512)


def hub_shapes() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the hub checkpoint, from the description of the architecture."""
    shapes: dict[str, tuple[int, ...]] = {}

    def block(module: str, prefix: str, entering: int, leaving: int) -> None:
        for number, channels in ((1, entering), (2, leaving)):
            shapes[f"{module}.{prefix}conv{number}.weight"] = (leaving, channels, 3, 3)
            for entry in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{module}.{prefix}norm{number}.{entry}"] = (leaving,)
            shapes[f"{module}.{prefix}norm{number}.num_batches_tracked"] = ()

    for level, (entering, leaving) in enumerate(zip((3, *WIDTHS[:3]), WIDTHS[:4], strict=True), start=1):
        block(f"encoder{level}", f"enc{level}", entering, leaving)
    block("bottleneck", "bottleneck", 256, 512)
    for level in (4, 3, 2, 1):
        width = WIDTHS[level - 1]
        shapes[f"upconv{level}.weight"] = (2 * width, width, 2, 2)
        shapes[f"upconv{level}.bias"] = (width,)
        block(f"decoder{level}", f"dec{level}", 2 * width, width)
    shapes["conv.weight"] = (1, 32, 1, 1)
    shapes["conv.bias"] = (1,)
    return shapes


def test_state_dict_is_that_of_the_hub_checkpoint() -> None:
    own = {key: tuple(value.shape) for key, value in DonorUNet().state_dict().items()}
    assert list(own) == list(hub_shapes())
    assert own == hub_shapes()


def test_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in DonorUNet().parameters()) == 7_763_041


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 64, 96), (1, 32, 48)])
def test_logits_have_the_size_of_the_image(channels: int, height: int, width: int) -> None:
    network = DonorUNet(in_channels=channels, init_features=4)
    assert network(torch.rand(2, channels, height, width)).shape == (2, 1, height, width)


def test_logits_are_not_squashed() -> None:
    network = DonorUNet(init_features=4)
    with torch.no_grad():
        network.conv.bias.fill_(7.0)
    assert network(torch.zeros(2, 3, 32, 32)).max() > 1


def test_skip_connections_reach_the_decoder_of_their_level() -> None:
    """With the way through the bottleneck cut, the output still depends on the image, by the skips alone."""
    torch.manual_seed(0)
    network = DonorUNet(init_features=4).eval()
    with torch.no_grad():
        for level in (1, 2, 3, 4):
            network.get_submodule(f"upconv{level}").weight.zero_()
    image = torch.zeros(1, 3, 32, 32)
    spot = image.clone()
    spot[..., 20, 5] = 100.0
    difference = (network(spot) - network(image)).abs()[0, 0]
    assert difference[20, 5] > 0
    assert difference[2, 28] == 0
