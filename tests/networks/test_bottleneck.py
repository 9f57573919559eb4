"""Pooled features are the means of what leaves the narrowest place."""

from __future__ import annotations

import pytest
import torch

from monai_lungxfer.networks.bottleneck import pooled_features
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_of_the_donors_network(image: torch.Tensor) -> None:
    network = DonorUNet(init_features=2).eval()
    features = image
    for number in range(1, 5):
        features = network.pool(getattr(network, f"encoder{number}")(features))
    with pooled_features(network) as found:
        network(image)
    torch.testing.assert_close(found[0], network.bottleneck(features).mean((2, 3)))
    network(image)
    assert len(found) == 1  # nothing is kept after the block


@torch.no_grad()
def test_of_an_efficient_network_and_a_translator(image: torch.Tensor) -> None:
    for network in (EfficientUNet().eval(), TranslatorUNet(DonorUNet(init_features=2).eval()).eval()):
        with pooled_features(network) as found:
            network(image)
        assert found[0].shape[0] == 2
        assert found[0].ndim == 2
        assert not torch.equal(found[0][0], found[0][1])


def test_another_network_is_refused() -> None:
    with pytest.raises(TransferError, match="Conv2d has no bottleneck"), pooled_features(torch.nn.Conv2d(3, 1, 1)):
        pass
