"""`refine` as it is typed, and its refiner in `evaluate` and `predict`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training import border_examples
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_refine_evaluate_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(border_examples, "BATCH", 2)
    data = write_phantoms(tmp_path / "data", donor=0, general=0, portable=16, size=100)
    torch.manual_seed(0)
    unet = DonorUNet(init_features=4)
    nn.init.normal_(unet.conv.weight, std=5)
    weights = save_weights(unet.state_dict(), tmp_path / "model.pt", Sidecar([64, 64]))
    place = ["portable", "--data", data, "-o", tmp_path / "out", "--weights", weights]
    result = json.loads(run("refine", *place, "--steps", 8, "--json"))
    refiner = Path(result["refiner"])
    assert refiner == tmp_path / "out" / "models" / "refiner.pt"
    assert "Refiner of the weights" in run("refine", *place, "--steps", 8, "--overwrite")
    report = json.loads(run("evaluate", *place, "--at", "native", "--refiner", refiner, "--json"))
    assert (report["at"], "BIOU" in report["all"]) == ("native", True)
    assert Path(report["report_file"]).name.startswith("test-native-refined-")
    assert "at native size" in " ".join(run("evaluate", *place, "--at", "native").split())
    out = tmp_path / "masks"
    run("predict", data / "portable" / "images", "-o", out, "--weights", weights, "--refiner", refiner)
    document = json.loads((out / "predictions.json").read_text())
    assert document["model"]["overrides"] == [f"refiner={report['refiner_sha256'][:12]}"]
    with (out / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 16
