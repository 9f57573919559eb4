"""Weights for grey images give the logits that three copies of the image had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from monai_lungxfer.networks.description import build_network, describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.conversion import convert_to_grey
from monai_lungxfer.weights.loading import load_weights
from monai_lungxfer.weights.sidecar import LearntImages, Sidecar, read_sidecar, save_sidecar

LEARNT = LearntImages("here", frozenset(["0123456789ab"]))
TOLERANCE = 1e-4  # of logits of a few units in float32: the three products are added in another order


def _trained(network: nn.Module) -> nn.Module:
    """Give batch norm statistics that differ from channel to channel, as training does."""
    torch.manual_seed(0)
    network.train()
    with torch.no_grad():
        network(torch.randn(2, 3, 64, 64))
    return network.eval()


def _parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(
    ("network", "saved"),
    [
        (DonorUNet(), 2 * 32 * 9),
        (EfficientUNet(last_blocks=1), 2 * (32 + 16) * 9),  # the image enters encoder.stem and decoder.image
        (EfficientUNet(last_blocks=1, levels=4), 2 * 32 * 9),
    ],
)
def test_the_logits_of_grey_images_stay(network: nn.Module, saved: int, tmp_path: Path) -> None:
    save_checkpoint(_trained(network).state_dict(), tmp_path / "three.pt")
    save_sidecar(tmp_path / "three.pt", Sidecar([64, 96], describe_network(network), (LEARNT,)))
    convert_to_grey(tmp_path / "three.pt", tmp_path / "one.pt")
    sidecar = read_sidecar(tmp_path / "one.pt")
    assert sidecar.network == describe_network(network) | {"in_channels": 1}
    assert (sidecar.image_size, sidecar.learnt) == ([64, 96], (LEARNT,))

    grey = build_network(sidecar.network).eval()
    load_weights(grey, tmp_path / "one.pt")
    image = torch.randn(2, 1, 64, 96)
    with torch.no_grad():
        expected = network(image.expand(-1, 3, -1, -1))
        torch.testing.assert_close(grey(image), expected, atol=TOLERANCE * float(expected.abs().max()), rtol=0)
    assert _parameters(network) - _parameters(grey) == saved


def test_the_donor_saves_576_of_its_parameters() -> None:
    assert _parameters(DonorUNet()) == 7_763_041
    assert _parameters(DonorUNet(in_channels=1)) == 7_763_041 - 576
    assert _parameters(DonorUNet(init_features=16)) < 2_000_000  # fewer features, which is what saves


def test_what_takes_one_channel_already_or_is_of_others_is_refused(tmp_path: Path) -> None:
    save_checkpoint(DonorUNet(1, init_features=4).state_dict(), tmp_path / "one.pt")
    save_checkpoint({"weight": torch.ones(1, 3, 3, 3)}, tmp_path / "other.pt")
    for name, problem in (("one", "one channel already"), ("other", "not of a network of this package")):
        with pytest.raises(TransferError, match=problem):
            convert_to_grey(tmp_path / f"{name}.pt", tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()
