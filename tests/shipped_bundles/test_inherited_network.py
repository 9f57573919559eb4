"""A network that began elsewhere goes through the stages: inherited from the parent, and taken from the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.loading import read_state_dict


@pytest.fixture
def natural(small_settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Settings of the general stage, with a parent that knows the encoder alone."""
    torch.manual_seed(0)
    encoder = {f"encoder.{name}": value for name, value in EfficientUNet().encoder.state_dict().items()}
    save_checkpoint(encoder, tmp_path / "natural.pt")
    own = {"parent": str(tmp_path / "natural.pt"), "parent_allow": ["decoder*"], "max_epochs": 1}
    return small_settings | own | {"ckpt_dir": str(tmp_path / "general")}


def test_the_second_stage_has_the_network_of_the_first(natural: dict[str, Any], tmp_path: Path) -> None:
    first = run_bundle("general", "train", natural).parser.get_parsed_content("network_def")
    assert isinstance(first, EfficientUNet)
    second = natural | {"parent": str(tmp_path / "general" / "model.pt"), "parent_allow": []}
    second |= {"ckpt_dir": str(tmp_path / "portable"), "output_dir": str(tmp_path / "second")}
    network = run_bundle("portable", "train", second).parser.get_parsed_content("network_def")
    assert isinstance(network, EfficientUNet)
    assert read_state_dict(tmp_path / "portable" / "model.pt").keys() == network.state_dict().keys()


def test_evaluation_has_the_network_of_its_weights_and_not_of_the_parent(
    natural: dict[str, Any], small_settings: dict[str, Any], tmp_path: Path
) -> None:
    run_bundle("general", "train", natural)
    settings = small_settings | {"section": "test", "weights": str(tmp_path / "general" / "model.pt")}
    parser = run_bundle("general", "evaluate", settings).parser
    assert isinstance(parser.get_parsed_content("network_def"), EfficientUNet)
    assert json.loads((tmp_path / "out" / "test.json").read_text())["images"] == 4
    settings |= {"weights": small_settings["parent"], "ckpt_dir": str(tmp_path / "general")}
    assert isinstance(run_bundle("general", "evaluate", settings).parser.get_parsed_content("network_def"), DonorUNet)
