"""`robustness` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from monai_lungxfer.cli import app
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    folder = tmp_path_factory.mktemp("robustness")
    write_phantoms(folder / "data", donor=0, general=0, portable=3, size=64)
    torch.manual_seed(0)
    unet = DonorUNet(init_features=4)
    torch.nn.init.normal_(unet.conv.weight, std=5)
    weights = save_weights(unet.state_dict(), folder / "model.pt", Sidecar([32, 32]))
    return ["--weights", weights, "--data", folder / "data" / "portable", "--doses", "1", "--seeds", 1]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["robustness", *map(str, arguments)])


def test_a_table_and_the_page(place: list[object], tmp_path: Path) -> None:
    result = run(*place, "-o", tmp_path, "--objects", "tubes, markers", "--limit", 2)
    assert result.exit_code == 0, result.output
    assert "Not a medical device" in result.stdout
    assert "It takes 8 to tell what objects change." in result.stdout
    assert [line.split()[2] for line in result.stdout.splitlines() if line.lstrip().startswith("file")] == [
        "tubes",
        "markers",
    ]
    document = json.loads(run(*place, "-o", tmp_path, "--objects", "tubes,markers", "--resume", "--json").stdout)
    assert document["skipped"] == 0
    assert {row["images"] for row in document["drawn"] if row["metric"] == "DICE_HARD"} == {3}
    assert Path(document["page"]) == tmp_path / "report.html"


def test_exit_codes(place: list[object], tmp_path: Path) -> None:
    data = Path(str(place[3]))
    image = min((data / "images").iterdir())
    whole = image.read_bytes()
    try:
        image.write_bytes(whole[:40])
        assert run(*place, "-o", tmp_path / "a", "--objects", "markers").exit_code == 1
        result = run(*place, "-o", tmp_path / "b", "--objects", "markers", "--limit", 1)
        assert (result.exit_code, "no image could be measured" in result.stderr) == (2, True)
    finally:
        image.write_bytes(whole)
    assert run(*place, "-o", tmp_path, "--objects", "spoon").exit_code == 2
    assert run(*place, "-o", tmp_path, "--doses", "much").exit_code == 2
    assert run(*place, "-o", tmp_path, "--resume", "--overwrite").exit_code == 2
