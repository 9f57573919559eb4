from __future__ import annotations

import json

import pytest
import torch
from file_server import serving
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils import download
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights import pretrained as donor
from monai_lungxfer.weights.sidecar import input_size, save_input_size


@pytest.fixture(scope="module")
def donor_file(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("hub") / "unet.pt"
    torch.save(DonorUNet().state_dict(), file)
    return file


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "BACK_OFF", 0.001)


def run(*arguments):
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


def test_default_address_is_that_of_pytorch_hub():
    assert donor.DONOR_URL.endswith(f"/v1.0/unet-{donor.DONOR_SHA256}.pt")


def test_fetch_to_the_cache_and_only_once(donor_file, monkeypatch, tmp_path):
    monkeypatch.setattr(donor, "DONOR_SHA256", hash_file(donor_file)[:8])
    target = tmp_path / "cache" / "monai_lungxfer" / "unet-e012d006.pt"
    with serving(donor_file.read_bytes()) as server:
        for _ in range(2):
            result = run("fetch-donor", "--url", server.url)
            assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert len(server.requests) == 1
    assert hash_file(target) == hash_file(donor_file)


def test_fetch_to_a_file(donor_file, monkeypatch, tmp_path):
    monkeypatch.setattr(donor, "DONOR_SHA256", hash_file(donor_file)[:8])
    target = tmp_path / "deep" / "er" / "donor.pt"
    target.parent.mkdir(parents=True)
    target.write_text("other")
    with serving(donor_file.read_bytes()) as server:
        assert run("fetch-donor", "--url", server.url, "--out", target).exit_code == 2
        assert target.read_text() == "other"
        save_input_size(target, [64, 64])  # of other weights
        assert run("fetch-donor", "--url", server.url, "--out", target, "--overwrite").exit_code == 0
        assert "has to end in .pt" in run("fetch-donor", "--url", server.url, "--out", tmp_path / "x.json").stderr
    assert hash_file(target) == hash_file(donor_file)
    assert input_size(target) == [256, 256]
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("statuses", [[404], [503] * 9, []])
def test_failed_fetch_names_the_alternative(statuses, tmp_path):
    with serving(b"not the donor", statuses=statuses) as server:
        result = run("fetch-donor", "--url", server.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lungxfer train donor --data DIR" in result.stderr
    assert list((tmp_path / "cache" / "monai_lungxfer").iterdir()) == []


def test_fetched_file_must_fit_the_network(monkeypatch, tmp_path):
    file = tmp_path / "narrow.pt"
    torch.save(DonorUNet(init_features=8).state_dict(), file)
    monkeypatch.setattr(donor, "DONOR_SHA256", hash_file(file)[:8])
    with serving(file.read_bytes()) as server:
        result = run("fetch-donor", "--url", server.url)
    assert result.exit_code == 2
    assert "encoder1.enc1conv1.weight" in result.stderr
    assert "lungxfer train donor --data DIR" in result.stderr


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
