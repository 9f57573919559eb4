from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from monai_lungxfer.features.layers import list_layers
from monai_lungxfer.features.networks import ComparedNetwork, parse_networks, shrink_input
from monai_lungxfer.networks.description import build_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import TransferError


def test_a_random_network_is_added_and_is_drawn_by_the_seed(compared: list[ComparedNetwork]) -> None:
    assert [network.label for network in compared] == ["before", "after", "random"]
    source = f"a={compared[0].weights}"
    first, again, other = (parse_networks([source], seed)[-1] for seed in (0, 0, 1))
    assert first.sha256 == again.sha256 != other.sha256
    weights, same, different = (one.build().state_dict() for one in (first, again, other))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert not torch.equal(weights["conv.weight"], different["conv.weight"])
    torch.manual_seed(0)  # as a training may do
    assert not torch.equal(weights["conv.weight"], build_network(first.description).state_dict()["conv.weight"])
    assert float(weights["encoder1.enc1norm1.running_var"].mean()) != 1  # it has seen noise


def test_weights_are_those_of_the_file(compared: list[ComparedNetwork]) -> None:
    network = compared[1].build()
    assert isinstance(network, DonorUNet)
    assert not network.training
    assert (compared[1].image_size, compared[1].in_channels, compared[1].stride) == ((64, 64), 3, 16)


def test_an_input_is_made_smaller_in_its_aspect_and_never_larger(compared: list[ComparedNetwork]) -> None:
    wide = replace(compared[0], image_size=(256, 192))
    sizes = [shrink_input(wide, side).image_size for side in (None, 512, 256, 128, 64)]
    assert sizes == [(256, 192), (256, 192), (256, 192), (128, 96), (64, 48)]
    assert shrink_input(replace(wide, image_size=(256, 32)), 64).image_size == (64, 16)  # not 8, which it cannot halve
    with pytest.raises(TransferError, match="multiple of 16"):
        shrink_input(wide, 100)
    named = parse_networks([f"a={compared[0].weights}"], image_size=32)
    assert [network.image_size for network in named] == [(32, 32)] * 2  # the random one, too


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(TransferError, match="not of a network of this package"):
        parse_networks([str(tmp_path / "other.pt")])


def test_layers_go_from_the_image_to_the_mask() -> None:
    names = list(list_layers(DonorUNet(init_features=2)))
    assert (names[0], names[8], names[-1], len(names)) == ("enc1.1", "bottleneck.1", "dec1.2", 18)
    efficient = list(list_layers(EfficientUNet(width=2)))
    assert efficient[:3] == ["encoder.stem.3", "encoder.levels.0.0", "encoder.levels.1.0"]
    assert not [name for name in efficient if ".layers." in name]
    with pytest.raises(TransferError, match="no activations"):
        list_layers(torch.nn.Conv2d(1, 1, 1))
