"""A network's class and parameters, from a module and from weights."""

from __future__ import annotations

import pytest
import torch
from monai.utils import instantiate

from monai_lungxfer.networks.description import describe_network, describe_weights, is_own_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet

SMALLER = [EfficientUNet(3, 2, width=8, last_blocks=2, levels=4), EfficientUNet(width=4), EfficientUNet(last_blocks=1)]
NETWORKS = [DonorUNet(1, 2, 4), DonorUNet(), EfficientUNet(1, 2), *SMALLER]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_described_network_can_be_built_again(network: torch.nn.Module) -> None:
    described = describe_network(network)
    assert is_own_network(described)
    assert describe_weights(network.state_dict()) == described
    again = instantiate(described.pop("_target_"), "default", **described)
    assert type(again) is type(network)
    shapes = [[value.shape for value in one.state_dict().values()] for one in (network, again)]
    assert shapes[0] == shapes[1]


def test_parameters_by_default_are_not_described() -> None:
    assert list(describe_network(EfficientUNet())) == ["_target_", "in_channels", "out_channels"]


def test_an_encoder_alone_is_enough() -> None:
    encoder = {name: value for name, value in EfficientUNet().state_dict().items() if name.startswith("encoder.")}
    assert describe_weights(encoder) == describe_network(EfficientUNet())


@pytest.mark.parametrize("weights", [{}, {"weight": torch.ones(1)}, {"encoder.stem.1.weight": torch.ones(())}])
def test_other_weights_are_of_no_network_of_this_package(weights: dict[str, torch.Tensor]) -> None:
    assert describe_weights(weights) is None


def test_a_network_of_others_is_named_alone() -> None:
    described = describe_network(torch.nn.Conv2d(3, 1, 1))
    assert described == {"_target_": "torch.nn.modules.conv.Conv2d"}
    assert not is_own_network(described)
