"""What is told of files: nothing that could be a name."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.bundle.redaction import PATH, redact_configuration, redact_paths, redact_weights
from monai_lungxfer.utils.files import hash_file


def test_weights_are_told_by_name_or_hash(tmp_path: Path) -> None:
    file = tmp_path / "Smith^John.pt"
    torch.save({"weight": torch.zeros(1)}, file)
    assert redact_weights(file) == f"file {hash_file(file)[:12]}"
    assert redact_weights(str(tmp_path / "Smith^Jane.pt")) == PATH
    assert redact_weights("portable") == "portable"
    assert redact_weights("cxr_lung_segmentation") == "cxr_lung_segmentation"
    assert redact_weights("models:/lungs@champion") == "models:/lungs@champion"
    assert redact_weights(None) == redact_weights("none") == "none"


def test_plans_are_told_without_paths() -> None:
    settings = {
        "spill_dir": "/home/smith/x",
        "lr": "$@learning_rate",
        "odd": "$'/smith/x'",
        "deep": ["C:\\smith", 3],
    }
    plan = {"data": "Smith^John", "out": "study", "donor": "Smith.pt", "seed": 3, "stages": {"general": settings}}
    told = redact_paths(plan)
    assert "smith" not in str(told).lower()
    assert told["stages"]["general"] == {"spill_dir": PATH, "lr": "$@learning_rate", "odd": PATH, "deep": [PATH, 3]}
    assert (told["seed"], told["donor"]) == (3, PATH)
    assert redact_paths({"donor": "donor", "data": "x"}) == {"donor": "donor", "data": PATH}


def test_a_configuration_is_told_without_places_and_with_its_expressions(tmp_path: Path) -> None:
    config = {
        "dataset_dir": "Smith^John",
        "tracking_uri": "https://smith:secret@host",
        "spill_dir": tmp_path,
        "split_file": "$@output_dir + '/split.json'",
        "path": r"$'smith\x23B'",  # what the parser makes of a path with a #
        "parent": "hub",
        "batch_size": 16,
        "share": "$@batch_size // @world_size",
        "network": {"_target_": "monai.networks.nets.UNet", "in_channels": "$1 if @channels else 3"},
        "device": torch.device("cpu"),
        "_meta_": {"authors": "Smith"},
    }
    told = redact_configuration(config)
    assert "smith" not in str(told).lower()
    assert {told[name] for name in ("dataset_dir", "tracking_uri", "spill_dir", "split_file", "path")} == {PATH}
    assert {name: told[name] for name in ("parent", "batch_size", "share", "network", "device")} == {
        **{name: config[name] for name in ("parent", "batch_size", "share", "network")},
        "device": "cpu",
    }
