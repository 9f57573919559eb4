"""A configuration follows its weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.architecture import follow_network
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar

NAMED = describe_network(EfficientUNet())


@pytest.mark.parametrize("none", [None, "none"])
def test_without_weights_it_is_as_named(none: str | None) -> None:
    assert follow_network(NAMED, none) == NAMED


@pytest.mark.parametrize("sidecar", [None, '{"image_size": [64, 64]}'])
def test_weights_of_the_hub_and_of_earlier_trainings_are_recognised(sidecar: str | None, tmp_path: Path) -> None:
    save_checkpoint(DonorUNet(init_features=4).state_dict(), tmp_path / "model.pt")
    if sidecar is not None:
        (tmp_path / "model.json").write_text(sidecar)
    assert follow_network(NAMED, tmp_path / "model.pt") == describe_network(DonorUNet(init_features=4))


def test_where_the_sidecar_names_the_network_the_weights_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"no checkpoint")
    save_sidecar(tmp_path / "model.pt", Sidecar(None, describe_network(DonorUNet(init_features=4))))
    assert follow_network(NAMED, tmp_path / "model.pt")["init_features"] == 4


@pytest.mark.parametrize("network", [DonorUNet(1, init_features=8), EfficientUNet(1, width=4)])
@pytest.mark.parametrize("has_sidecar", [True, False])
def test_channels_and_width_are_those_of_the_weights(network: nn.Module, has_sidecar: bool, tmp_path: Path) -> None:
    save_checkpoint(network.state_dict(), tmp_path / "model.pt")
    if has_sidecar:
        save_sidecar(tmp_path / "model.pt", Sidecar([64, 64], describe_network(network)))
    assert follow_network(NAMED, tmp_path / "model.pt") == describe_network(network)
    assert describe_network(network)["in_channels"] == 1


def test_other_outputs_than_the_bundle_has_masks_are_refused_but_for_a_parent(tmp_path: Path) -> None:
    save_checkpoint(DonorUNet(1, 2, init_features=4).state_dict(), tmp_path / "model.pt")
    with pytest.raises(TransferError, match="has 2 outputs, and the bundle has masks of 1"):
        follow_network(NAMED, tmp_path / "model.pt")
    expected = describe_network(DonorUNet(1, 1, init_features=4))
    assert follow_network(NAMED, tmp_path / "model.pt", as_parent=True) == expected


def test_a_class_that_a_file_names_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "model.pt").touch()
    (tmp_path / "model.json").write_text(json.dumps({"network": {"_target_": "os.system"}, "image_size": [64, 64]}))
    assert follow_network(NAMED, tmp_path / "model.pt") == NAMED
    (tmp_path / "model.json").write_text(json.dumps({"network": NAMED | {"in_channels": "$1 / 0"}}))
    with pytest.raises(TransferError, match=r"model\.json"):
        follow_network(NAMED, tmp_path / "model.pt")


def test_weights_of_a_network_of_others_leave_the_named_one(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1, 3, 1, 1)}, tmp_path / "model.pt")
    assert follow_network(NAMED, tmp_path / "model.pt") == NAMED


def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="no such weights file"):
        follow_network(NAMED, tmp_path / "model.pt")
