from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_lungxfer.features.layers import KeptPass, list_layers, watch_layers
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet


@pytest.mark.parametrize("kind", [DonorUNet, EfficientUNet])
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_pass_that_begins_at_a_layer_gives_what_a_whole_one_gives(kind: type[nn.Module], place: float) -> None:
    torch.manual_seed(0)
    network = kind(**{DonorUNet: {"init_features": 2}, EfficientUNet: {"width": 2}}[kind]).eval()
    layers, image = list_layers(network), torch.rand(1, 3, 64, 64)
    name = list(layers)[round(place * (len(layers) - 1))]

    def change(layer: str, features: torch.Tensor) -> torch.Tensor | None:
        return torch.cat((5 + features[:, :1], features[:, 1:]), 1) if layer == name else None

    kept = KeptPass(network)
    with torch.inference_mode():
        with kept.keep():
            plain = network(image)
        with watch_layers(layers, change):
            whole = network(image)
        with kept.begin_at(layers[name]), watch_layers(layers, change):
            convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
            computed = [module for module in convolutions if "forward" not in vars(module)]
            short = network(image)
        again = network(image)
    assert torch.equal(short, whole)
    assert not torch.equal(short, plain)
    assert torch.equal(again, plain)  # nothing is left behind
    assert convolutions[0] not in computed
    assert bool(computed)
