"""A bundle says nothing of weights that it does not hold."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata, bundle_path, export_bundle
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.bundle_facts import CARD, find_bundle, update_bundle
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return export_bundle("portable", tmp_path)


def put_weights(bundle: Path, network: DonorUNet, *, sidecar: bool = True) -> None:
    torch.save(network.state_dict(), bundle / WEIGHTS)
    save_sidecar(bundle / WEIGHTS, Sidecar([64, 96], describe_network(network) if sidecar else None))


@pytest.mark.parametrize("sidecar", [True, False])
def test_size_channels_and_hash_become_those_of_the_weights(bundle: Path, sidecar: bool) -> None:
    before = bundle_metadata(bundle)
    put_weights(bundle, DonorUNet(1, init_features=4), sidecar=sidecar)
    update_bundle(bundle)
    told = bundle_metadata(bundle)
    image, pred = told["network_data_format"]["inputs"]["image"], told["network_data_format"]["outputs"]["pred"]
    assert (image["num_channels"], image["channel_def"], image["spatial_shape"]) == (1, {"0": "radiograph"}, [64, 96])
    assert (pred["num_channels"], pred["spatial_shape"]) == (1, [64, 96])
    assert told["weights_sha256"] == hash_file(bundle / WEIGHTS)
    assert told["image_classes"] == "grey radiograph, resized to 64x96"
    assert "Cohen" not in told["data_source"]
    same = told.keys() - {"network_data_format", "weights_sha256", "image_classes", "data_source"}
    assert {key: told[key] for key in same} == {key: before[key] for key in same}


def test_the_card_says_that_its_figures_are_of_other_weights_once_and_for_these_weights(bundle: Path) -> None:
    shipped, card = (bundle / WEIGHTS).read_bytes(), (bundle / CARD).read_text()
    for features in (4, 8):
        put_weights(bundle, DonorUNet(init_features=features))
        update_bundle(bundle)
        now = (bundle / CARD).read_text()
        assert now.count("not those that shipped") == 1
        assert hash_file(bundle / WEIGHTS)[:12] in now
        assert f"init_features {features}" in now
        head, _, rest = re.split(r"^(> \*\*The weights.*\n\n)", now, flags=re.MULTILINE)
        assert head + rest == card
        assert re.search(r"^# Lung .*\n\n\Z", head, re.MULTILINE)
    (bundle / WEIGHTS).write_bytes(shipped)
    shutil.copyfile(bundle_path("portable") / "models" / "model.json", bundle / "models" / "model.json")
    update_bundle(bundle)
    assert (bundle / CARD).read_text() == card


@pytest.mark.parametrize("name", ["donor", "general", "portable"])
def test_nothing_changes_where_the_weights_are_those_that_ship(name: str, tmp_path: Path) -> None:
    copy = export_bundle(name, tmp_path)
    before = {file: (copy / file).read_text() for file in (METADATA, CARD)}
    update_bundle(copy)
    assert json.loads((copy / METADATA).read_text()) == json.loads(before[METADATA])
    assert (copy / CARD).read_text() == before[CARD]


def test_a_donor_tells_which_sequence_it_takes(tmp_path: Path) -> None:
    copy = export_bundle("donor", tmp_path)
    network = DonorUNet(1, init_features=4)
    torch.save(network.state_dict(), copy / WEIGHTS)
    save_sidecar(copy / WEIGHTS, Sidecar([64, 64], describe_network(network), channels="flair"))
    update_bundle(copy)
    told = bundle_metadata(copy)
    assert told["network_data_format"]["inputs"]["image"]["channel_def"] == {"0": "FLAIR"}
    assert told["image_classes"] == "FLAIR, resized to 64x64"


def test_only_the_own_weights_of_a_bundle_are_its(bundle: Path) -> None:
    assert find_bundle(bundle / WEIGHTS) == bundle
    assert find_bundle(bundle / "models" / "paper" / "model.pt") is None
    assert find_bundle(bundle.parent / "run" / WEIGHTS) is None
