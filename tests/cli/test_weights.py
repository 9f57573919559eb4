from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.files import hash_file


@pytest.fixture(scope="module")
def donor_file(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("hub") / "unet.pt"
    torch.save(DonorUNet().state_dict(), file)
    return file


def run(*arguments):
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


def test_list_tells_names_sizes_and_licences():
    facts = json.loads(run("list", "--json").stdout)
    assert {name: (entry["licence"], entry["megabytes"]) for name, entry in facts.items()} == {
        "donor": ("MIT", 31),
        "natural-images": ("Apache-2.0", 23),
    }
    assert "natural-images" in run("list").stdout


def test_fetch_of_unknown_weights_names_the_nearest():
    result = run("fetch", "natural")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'natural-images'" in result.stderr


def test_show_as_json(donor_file):
    facts = json.loads(run("show", donor_file, "--json").stdout)
    network = DonorUNet()
    assert facts["parameters"] == sum(parameter.numel() for parameter in network.parameters()) == 7_763_041
    assert facts["dtypes"] == ["float32"]
    assert facts["sha256"] == hash_file(donor_file)
    assert facts["bytes"] == donor_file.stat().st_size
    assert list(facts["entries"]) == list(network.state_dict())
    assert facts["entries"]["encoder1.enc1conv1.weight"] == {"shape": [32, 3, 3, 3], "dtype": "float32", "learnt": True}
    counter = facts["entries"]["encoder1.enc1norm1.num_batches_tracked"]
    assert counter == {"shape": [], "dtype": "int64", "learnt": False}


def test_show_as_table(donor_file):
    lines = [" ".join(line.split()) for line in run("show", donor_file).stdout.splitlines()]
    assert f"sha256 {hash_file(donor_file)}" in lines
    assert "parameters 7,763,041 (float32)" in lines
    # 32*3*9 + 32*32*9 of the convolutions and 4*32 of the batch norms, in 2 + 2*5 entries
    assert "encoder1 encoder1.enc1conv1.weight 32x3x3x3 12 10,208" in lines
    assert "conv conv.weight 1x32x1x1 2 33" in lines


def test_show_a_bundle(donor_file, tmp_path):
    bundle = tmp_path / "my_segmentation"
    (bundle / "models").mkdir(parents=True)
    (bundle / "configs").mkdir()
    (bundle / "configs" / "metadata.json").write_text("{}")
    (bundle / "models" / "model.pt").write_bytes(donor_file.read_bytes())
    facts = json.loads(run("show", bundle, "--json").stdout)
    assert facts["file"] == str(bundle / "models" / "model.pt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_show_what_is_no_weights_file(tmp_path, content):
    file = tmp_path / "x.pt"
    if content is not None:
        file.write_bytes(content)
    result = run("show", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {file}: ")


def test_pack_halves_the_file(donor_file, tmp_path):
    result = run("pack", donor_file, "--out", tmp_path / "packed.pt")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'packed.pt'}\n")
    assert (tmp_path / "packed.pt").stat().st_size < 0.51 * donor_file.stat().st_size


def test_pack_wants_one_target(donor_file, tmp_path):
    assert run("pack", donor_file).exit_code == 2
    assert run("pack", donor_file, "--out", tmp_path / "x.pt", "--bundle", "portable").exit_code == 2
    assert "without --overwrite" in run("pack", donor_file, "--bundle", "portable", "--overwrite").stderr
