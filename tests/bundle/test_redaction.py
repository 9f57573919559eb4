"""What is told of files: nothing that could be a name."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.bundle.redaction import PATH, redact_paths, redact_weights
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
