"""The command `predict`, from the arguments to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from monai_lungxfer.cli import app
from monai_lungxfer.data.radiograph import read_mask


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve files: ten radiographs, an empty file, and a text that calls itself a picture."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for number in range(10):
        pixels = np.full((50, 60 + number), 30, np.uint8)
        pixels[10:30, 5:20] = 220
        Image.fromarray(pixels).save(tmp_path / "in" / "sub" / f"x{number}.png")
    (tmp_path / "in" / "empty.jpg").write_bytes(b"")
    (tmp_path / "in" / "text.png").write_text("no picture")
    return tmp_path / "in"


def run(*arguments: object, weights: Path) -> Result:
    """Run with a network for which the bright is lung."""
    network = "network_def={_target_: torch.nn.Conv2d, in_channels: 3, out_channels: 1, kernel_size: 1}"
    options = ["--weights", weights, "--device", "cpu", "--set", network, "--set", "precision=float32"]
    return CliRunner().invoke(app, [str(word) for word in ("predict", *arguments, *options)])


def test_all_done(folder: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder / "sub", "--out", out, "--batch-size", 3, "--overlay", weights=weights)
    assert result.exit_code == 0, result.output
    assert len(list(out.glob("*_mask.png"))) == len(list(out.glob("*_overlay.png"))) == 10
    mask = read_mask(out / "x7_mask.png")
    assert mask.shape == (50, 67)
    assert mask[12:28, 7:18].all()
    assert not mask[:, 25:].any()
    assert "Not a medical device" in result.stdout
    assert "segmented" in result.stdout


def test_two_of_twelve_are_broken(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", weights=weights)
    assert result.exit_code == 1
    assert len(list((tmp_path / "out").rglob("*_mask.png"))) == 10
    for name in ("empty.jpg", "text.png"):
        assert f"{name} was skipped" in result.stderr
    assert str(tmp_path) not in result.stderr


def test_nothing_could_be_read(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder / "text.png", folder / "empty.jpg", "--out", tmp_path / "out", weights=weights)
    assert result.exit_code == 2
    assert not list((tmp_path / "out").rglob("*_mask.png"))


def test_json_is_all_of_standard_output(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", "--json", "--format", "nifti", weights=weights)
    document = json.loads(result.stdout)
    assert document == json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))
    assert [row["status"] for row in document["predictions"]].count("done") == 10
    assert document["predictions"][2]["mask"] == "sub/x0_mask.nii.gz"
    assert document["model"]["overrides"][-1] == "precision=float32"


def test_results_are_not_replaced_unless_allowed(folder: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(folder / "sub", "--out", out, weights=weights).exit_code == 0
    (out / "x0_mask.png").write_bytes(b"corrected by hand")
    refused = run(folder / "sub", "--out", out, weights=weights)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (out / "x0_mask.png").read_bytes() == b"corrected by hand"
    assert run(folder / "sub", "--out", out, "--overwrite", weights=weights).exit_code == 0
    assert read_mask(out / "x0_mask.png").shape == (50, 60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "does not exist"),
        (["in", "--bundle", "no_such_bundle"], "no such stage, bundle or folder"),
        (["in", "--set", "treshold=0.4"], "no 'treshold' to override"),
        (["in", "--set", "threshold"], "ID=VALUE"),
        (["in", "--format", "bmp"], "bmp"),
        (["in", "--batch-size", "0"], "--batch-size"),
        ([], "INPUT"),
    ],
)
def test_wrong_usage(
    folder: Path, weights: Path, tmp_path: Path, monkeypatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, weights=weights)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "predictions").exists()


def test_missing_weights(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(folder), "--weights", str(tmp_path / "no.pt")])
    assert result.exit_code == 2
    assert "no.pt" in result.stderr
