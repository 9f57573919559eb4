"""Frozen layers stay as they are, and the others learn."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.freezing import frozen_layers
from monai_lungxfer.utils.errors import TransferError


def trained(network: nn.Module) -> dict[str, Any]:
    """Return the state dict after two steps, in training mode as trainers set it."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(2):
        network.train()
        optimizer.zero_grad()
        network(torch.randn(2, 3, 32, 32) + 3).square().mean().backward()
        optimizer.step()
    return network.state_dict()


def test_weights_and_statistics_of_frozen_layers_stay() -> None:
    network = frozen_layers(DonorUNet(init_features=4), ["encoder*", "bottleneck*"])
    before = copy.deepcopy(network.state_dict())
    after = trained(network)
    same = {name.split(".")[0] for name in before if torch.equal(before[name], after[name])}
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert same == {"encoder1", "encoder2", "encoder3", "encoder4", "bottleneck"}
    assert changed == {f"{part}{level}" for part in ("upconv", "decoder") for level in (1, 2, 3, 4)} | {"conv"}


def test_frozen_batch_norms_use_the_statistics_that_they_keep() -> None:
    network = DonorUNet(init_features=4)
    image = torch.randn(2, 3, 32, 32) + 3
    expected = network.eval().encoder1(image)
    frozen_layers(network, ["encoder1*"]).train()
    assert torch.equal(network.encoder1(image), expected)


def test_without_patterns_nothing_is_frozen() -> None:
    assert all(weight.requires_grad for weight in frozen_layers(DonorUNet(init_features=4)).parameters())


def test_a_batch_norm_of_which_a_part_learns_goes_on_with_its_batches() -> None:
    network = frozen_layers(DonorUNet(init_features=4), ["encoder1.enc1norm1.weight"])
    before = network.encoder1.enc1norm1.running_mean.clone()
    assert not torch.equal(trained(network)["encoder1.enc1norm1.running_mean"], before)


@pytest.mark.parametrize(
    ("patterns", "message"), [(["encodr*"], "'encodr\\*' fits no weights.*encoder1"), (["*"], "no weights are left")]
)
def test_patterns_that_make_no_sense_are_refused(patterns: list[str], message: str) -> None:
    with pytest.raises(TransferError, match=message):
        frozen_layers(DonorUNet(init_features=4), patterns)


@pytest.mark.parametrize("network", [DonorUNet(init_features=4), EfficientUNet(width=2, last_blocks=1)])
def test_batch_norms_alone_learn_and_follow_their_images(network: nn.Module) -> None:
    before = copy.deepcopy(frozen_layers(network, trainable=["*norm*"]).state_dict())
    after = trained(network)
    norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for name, value in after.items():
        changed = not torch.equal(before[name], value)
        assert changed == (name.rpartition(".")[0] in norms), name


def test_the_last_layer_alone_learns() -> None:
    network = frozen_layers(DonorUNet(init_features=4), trainable=["conv.*"])
    before = copy.deepcopy(network.state_dict())
    after = trained(network)
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["conv.weight", "conv.bias"]


def test_two_kinds_of_patterns_contradict_each_other() -> None:
    with pytest.raises(TransferError, match="frozen and trainable are both given"):
        frozen_layers(DonorUNet(init_features=4), ["encoder*"], ["conv.*"])
    with pytest.raises(TransferError, match=r"trainable: 'head\*' fits no weights"):
        frozen_layers(DonorUNet(init_features=4), trainable=["head*"])
