"""Files of border refiners: what they say, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_lungxfer.networks.border_refiner import BorderRefiner
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import OutputError, TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.loading import load_weights
from monai_lungxfer.weights.refiner_file import RefinerDescription, load_refiner, read_refiner, refined_by, save_refiner
from monai_lungxfer.weights.sidecar import read_sidecar

DESCRIPTION = RefinerDescription("a" * 64, 512, 4, refined_by(["0123456789ab"]), {"seed": 3})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    network = BorderRefiner(width=4)
    torch.nn.init.ones_(network.correction.bias)
    return save_refiner(network, tmp_path / "refiner.pt", DESCRIPTION)


def test_what_is_saved_is_loaded(saved: Path) -> None:
    network, description, sha256 = load_refiner(saved, "a" * 64)
    assert description == DESCRIPTION
    assert sha256 == hash_file(saved)
    assert not network.training
    assert network(torch.zeros(1, 2, 16, 16)).shape == (1, 1, 16, 16)
    assert (network.correction.bias == 1).all()
    assert read_sidecar(saved).learnt == DESCRIPTION.learnt  # as for any weights


def test_other_weights_are_refused_by_both_hashes(saved: Path) -> None:
    with pytest.raises(TransferError, match="aaaaaaaaaaaa, and those in use are bbbbbbbbbbbb"):
        load_refiner(saved, "b" * 64)


def test_a_refiner_is_no_network_for_radiographs(saved: Path) -> None:
    with pytest.raises(TransferError, match=r"holds weights of .*\.border_refiner\.BorderRefiner"):
        load_weights(DonorUNet(init_features=4), saved)


def test_nothing_is_replaced_unasked_and_other_weights_never(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is there already"):
        save_refiner(BorderRefiner(width=4), saved, DESCRIPTION)
    save_refiner(BorderRefiner(width=4), saved, DESCRIPTION, overwrite=True)
    model = tmp_path / "model.pt"
    torch.save(DonorUNet(init_features=4).state_dict(), model)
    with pytest.raises(OutputError, match="holds something else"):
        save_refiner(BorderRefiner(width=4), model, DESCRIPTION, overwrite=True)


@pytest.mark.parametrize(
    "change",
    [{"refines": None}, {"refines": {"weights_sha256": "a", "side": 512}}, {"network": {"width": 1 << 30}}, {}],
    ids=["nothing", "no hash", "too wide", "no file"],
)
def test_what_is_damaged_is_told(change: dict, saved: Path) -> None:
    sidecar = saved.with_suffix(".json")
    content = json.loads(sidecar.read_text())
    sidecar.unlink()
    if change:
        sidecar.write_text(json.dumps(content | change))
    with pytest.raises(TransferError, match=r"refiner\.json: does not describe a border refiner"):
        read_refiner(saved)
    with pytest.raises(TransferError, match="there is no such file of a border refiner"):
        read_refiner(saved.with_name("away.pt"))
