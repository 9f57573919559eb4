"""A network that began elsewhere goes through the stages: trainings and measurements follow their weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_lungxfer.bundle.files import bundle_path, export_bundle
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.checks.bundle.run import verify_bundle
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.training.stage import StageFolder, evaluate_stage, train_stage
from monai_lungxfer.utils.errors import BundleError, TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import read_sidecar

EFFICIENT = describe_network(EfficientUNet())


@pytest.fixture
def settings(small_settings: dict[str, Any]) -> dict[str, Any]:
    """Those of the user alone: what is written where, and the network, are the stage's."""
    own = {"dataset_dir", "output_dir", "ckpt_dir", "network_def"}
    return {name: value for name, value in small_settings.items() if name not in own} | {"max_epochs": 1}


@pytest.fixture
def natural(tmp_path: Path) -> dict[str, Any]:
    """A parent that knows the encoder alone."""
    torch.manual_seed(0)
    encoder = {f"encoder.{name}": value for name, value in EfficientUNet().encoder.state_dict().items()}
    save_checkpoint(encoder, tmp_path / "natural.pt")
    return {"parent": str(tmp_path / "natural.pt"), "parent_allow": ["decoder*"]}


def test_a_network_goes_through_the_stages_and_their_measurements(
    discs: Path, settings: dict[str, Any], natural: dict[str, Any], tmp_path: Path
) -> None:
    first, second = StageFolder(tmp_path / "general"), StageFolder(tmp_path / "portable")
    train_stage(STAGES["general"], discs, first, settings | natural)
    train_stage(STAGES["portable"], discs, second, settings | {"parent": str(first.weights)})
    assert read_sidecar(second.weights).network == EFFICIENT
    assert read_sidecar(second.weights).image_size == [32, 32]
    assert read_state_dict(second.weights).keys() == EfficientUNet().state_dict().keys()
    assert evaluate_stage(STAGES["portable"], discs, second, second.weights, "test", settings)["images"] == 4
    other = evaluate_stage(STAGES["portable"], discs, second, settings["parent"], "test", settings)
    assert other["images"] == 4


def test_the_second_recipe_follows_its_parent_too(discs: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "best")
    train_stage(STAGES["portable"], discs, folder, settings | {"samples_per_epoch": 8}, recipe="best")
    assert read_sidecar(folder.weights).network["init_features"] == 4


def test_one_channel_of_the_network_is_all_that_a_user_has_to_say(
    discs: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    """Training, the next stage, measuring, predicting and exporting follow the weights; masks are the same."""
    first, second = StageFolder(tmp_path / "general"), StageFolder(tmp_path / "portable")
    train_stage(STAGES["general"], discs, first, settings | {"network_def#in_channels": 1})
    assert read_sidecar(first.weights).network == describe_network(DonorUNet(1, init_features=4))
    train_stage(STAGES["portable"], discs, second, settings | {"parent": str(first.weights)})
    assert read_sidecar(second.weights).network == describe_network(DonorUNet(1, init_features=4))
    assert evaluate_stage(STAGES["portable"], discs, second, second.weights, "test", settings)["images"] == 4

    copy = export_bundle("portable", tmp_path / "mine")
    install_weights(second.weights, copy, pack=False)
    assert {one.check for one in verify_bundle(copy) if one.status == "failed"} == set()
    formats = export_formats(copy, ["torchscript", "onnx"], [discs / "images" / "0.png"])["formats"]
    assert {entry["lowest_dice"] for entry in formats.values()} == {1.0}
    embedded = {"inference.json": ""}
    torch.jit.load(copy / "models" / "model.ts", _extra_files=embedded)
    assert json.loads(embedded["inference.json"])["network_def"]["in_channels"] == 1
    masks = [
        Segmenter.from_bundle(copy, engine=engine, device="cpu").segment_file(discs / "images" / "0.png").mask
        for engine in ("torch", "onnx")
    ]
    np.testing.assert_array_equal(*masks)
    assert masks[0].shape == (40, 48)


@pytest.mark.parametrize(("in_channels", "own"), [(1, {}), (3, {"network_def#in_channels": 3})])
def test_a_donor_of_one_sequence(
    discs: Path, settings: dict[str, Any], in_channels: int, own: dict[str, Any], tmp_path: Path
) -> None:
    """Its sequence is stored with the weights, which measuring follows, also after the next stage."""
    first, second = StageFolder(tmp_path / "donor"), StageFolder(tmp_path / "general")
    small = {"parent": None, "network_def#init_features": 4, "channels": "flair"}
    train_stage(STAGES["donor"], discs, first, settings | small | own)
    sidecar = read_sidecar(first.weights)
    assert (sidecar.channels, sidecar.network["in_channels"]) == ("flair", in_channels)
    train_stage(STAGES["general"], discs, second, settings | {"parent": str(first.weights)})
    for folder in (first, second):
        assert read_sidecar(folder.weights).channels == "flair"
        assert evaluate_stage(STAGES["donor"], discs, first, folder.weights, "test", settings)["images"] == 4


def test_a_donor_of_all_sequences_needs_three_channels(discs: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    one = {"parent": None, "network_def#in_channels": 1}
    with pytest.raises(BundleError, match="Name the one to read"):
        train_stage(STAGES["donor"], discs, StageFolder(tmp_path / "donor"), settings | one)


def test_a_parameter_that_the_parents_network_does_not_have_is_refused(
    discs: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    folder = StageFolder(tmp_path / "run")
    efficient = settings | {"parent": "portable", "network_def#init_features": 8}
    with pytest.raises(BundleError, match=r"EfficientUNet has no parameter 'init_features'.*Use .*width"):
        train_stage(STAGES["portable"], discs, folder, efficient)


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_weights_of_another_network_say_what_to_write(small_settings: dict[str, Any], task: str) -> None:
    settings = small_settings | {"network_def": EFFICIENT, "section": "test", "weights": small_settings["parent"]}
    if task == "train":
        settings = {name: value for name, value in settings.items() if name not in ("section", "weights")}
    with pytest.raises(TransferError, match=r"holds weights of .*DonorUNet, .* names .*EfficientUNet\..*--network_def"):
        run_bundle("general", task, settings)


def test_what_the_error_says_can_be_typed(discs: Path, tmp_path: Path) -> None:
    """The general bundle's inference with the portable bundle's weights, by MONAI's own command."""
    bundle, weights = (bundle_path(name) for name in ("general", "portable"))
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(bundle / "configs" / "inference.yaml")]
    command += ["--bundle_root", str(bundle), "--dataset_dir", str(discs / "images"), "--image_pattern", "1.png"]
    command += ["--weights", str(weights / "models" / "model.pt"), "--output_dir", str(tmp_path / "masks")]
    refused = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    assert refused.returncode != 0
    said = json.dumps(EFFICIENT).replace('"', "'")
    assert f'--network_def "{said}"' in refused.stderr
    command += ["--network_def", said]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=dict(os.environ))
    assert len(list((tmp_path / "masks").iterdir())) == 1
