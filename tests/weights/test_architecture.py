"""The network that weights belong to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.architecture import infer_network
from monai_lungxfer.weights.loading import load_weights


@pytest.mark.parametrize("none", [None, "none"])
def test_without_weights_it_is_the_donors(none: str | None) -> None:
    network = infer_network(none, in_channels=1, init_features=4)
    assert isinstance(network, DonorUNet)
    assert network.encoder1[0].weight.shape == (4, 1, 3, 3)


@pytest.mark.parametrize("network", [DonorUNet(out_channels=2, init_features=4), EfficientUNet(out_channels=2)])
def test_weights_fit_the_network_that_is_built_for_them(network: torch.nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    save_checkpoint(network.state_dict(), file)
    found = infer_network(file, out_channels=2, init_features=4)
    assert type(found) is type(network)
    load_weights(found, file)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in found.state_dict().items())


def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="no such weights file"):
        infer_network(tmp_path / "model.pt")
