"""Features of the frozen base are computed once for each image, and are those that the base gives."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from monai_lungxfer.adaptation.remembering import FeatureMemory
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet

IMAGES = torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def make_network() -> TranslatorUNet:
    torch.manual_seed(0)
    return TranslatorUNet(DonorUNet(init_features=4), "hypercolumn", depth=1).eval()


def count_images(network: TranslatorUNet) -> list[int]:
    seen: list[int] = []
    network.base.encoder1.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    return seen


def test_the_answer_stays_and_each_image_is_decoded_once() -> None:
    network = make_network()
    before = network(IMAGES)
    seen = count_images(network)
    FeatureMemory().watch(SimpleNamespace(network=network), None)
    assert torch.allclose(network(IMAGES), before, atol=1e-6)
    assert torch.allclose(network(IMAGES[[2, 0]]), before[[2, 0]], atol=1e-6)
    other = torch.zeros(1, 3, 32, 48)
    network(torch.cat([other, IMAGES[:1], other]))
    assert seen == [3, 2]


def test_without_memory_all_is_computed_again() -> None:
    network = make_network()
    seen = count_images(network)
    FeatureMemory(most_bytes=0).watch(SimpleNamespace(network=network), None)
    network(IMAGES)
    network(IMAGES)
    assert seen == [3, 3]


def test_the_new_layers_still_learn() -> None:
    network = make_network()
    FeatureMemory().watch(SimpleNamespace(network=network), None)
    network.train()
    for _ in range(2):
        network(IMAGES).mean().backward()
    assert network.translator.leave.weight.grad.abs().max() > 0


def test_other_networks_are_left_alone() -> None:
    network = DonorUNet(init_features=4)
    FeatureMemory().watch(SimpleNamespace(network=network), None)
    assert "decode" not in vars(network)
