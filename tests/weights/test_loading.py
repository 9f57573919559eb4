"""Loading a parent: what is loaded, adapted, missing, unexpected, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.loading import load_parent, load_weights, read_state_dict


def small(in_channels: int = 3, seed: int = 0, out_channels: int = 1) -> DonorUNet:
    torch.manual_seed(seed)
    return DonorUNet(in_channels=in_channels, out_channels=out_channels, init_features=4)


@pytest.fixture
def parent_file(tmp_path: Path) -> Path:
    torch.save(small(seed=1).state_dict(), tmp_path / "parent.pt")
    return tmp_path / "parent.pt"


def test_every_layer_is_loaded_from_a_parent_of_the_same_shape(parent_file: Path) -> None:
    network = small()
    report = load_parent(network, parent_file)
    assert len(report.with_status("loaded")) == len(network.state_dict()) == len(report.layers)
    for key, value in torch.load(parent_file).items():
        torch.testing.assert_close(network.state_dict()[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("parent", [None, "none"])
def test_no_parent_leaves_the_network_as_it_is(parent: str | None) -> None:
    network = small()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert load_parent(network, parent) is None
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("given", "wanted"), [(3, 1), (1, 3)])
def test_an_adapted_first_layer_gives_the_same_output_for_grey_images(tmp_path: Path, given: int, wanted: int) -> None:
    parent, network = small(given, seed=1).eval(), small(wanted).eval()
    torch.save(parent.state_dict(), tmp_path / "parent.pt")
    report = load_parent(network, tmp_path / "parent.pt")
    assert [layer.name for layer in report.with_status("adapted")] == ["encoder1.enc1conv1.weight"]
    grey = torch.randn(1, 1, 32, 48)
    expected = parent(grey.expand(-1, given, -1, -1))
    torch.testing.assert_close(network(grey.expand(-1, wanted, -1, -1)), expected, rtol=1e-4, atol=1e-5)


def test_unexpected_layers_are_refused_unless_allowed_by_name(tmp_path: Path) -> None:
    state = small(seed=1).state_dict() | {"head.weight": torch.zeros(2)}
    torch.save(state, tmp_path / "parent.pt")
    network = small()
    before = network.conv.weight.clone()
    with pytest.raises(TransferError, match=r"parent\.pt: 1 layers do not fit .* head\.weight unexpected"):
        load_parent(network, tmp_path / "parent.pt")
    assert torch.equal(network.conv.weight, before)
    report = load_parent(network, tmp_path / "parent.pt", allow=["head.*"])
    assert [layer.name for layer in report.with_status("unexpected")] == ["head.weight"]
    assert torch.equal(network.conv.weight, state["conv.weight"])


def test_missing_layers_are_refused_unless_allowed_by_name(tmp_path: Path) -> None:
    state = small(seed=1).state_dict()
    del state["conv.bias"]
    torch.save(state, tmp_path / "parent.pt")
    with pytest.raises(TransferError, match=r"conv\.bias missing"):
        load_parent(small(), tmp_path / "parent.pt")
    assert load_parent(small(), tmp_path / "parent.pt", allow=["conv.bias"]).with_status("missing")[0].detail == "1"


def test_another_shape_is_unexpected_and_the_own_layer_stays(tmp_path: Path) -> None:
    torch.save(small(seed=1, out_channels=2).state_dict(), tmp_path / "parent.pt")
    network = small()
    own = network.conv.weight.clone()
    report = load_parent(network, tmp_path / "parent.pt", allow=["conv.*"])
    assert [layer.name for layer in report.with_status("unexpected")] == ["conv.weight", "conv.bias"]
    assert torch.equal(network.conv.weight, own)


def test_report_counts_and_names_layers(parent_file: Path) -> None:
    text = str(load_parent(small(), parent_file))
    assert text.startswith(
        f"Transfer from {parent_file}: {len(small().state_dict())} loaded, 0 adapted, 0 missing, 0 unex"
    )
    assert re.search(r"loaded +encoder1.enc1conv1 +weight 4x3x3x3\n", text)
    assert re.search(
        r"loaded +encoder1.enc1norm1 +weight, bias, running_mean, running_var, num_batches_tracked\n", text
    )
    assert len(text.splitlines()) == 1 + 18 + 18 + 4 + 1


def test_wrappers_of_trainers_are_taken_off(tmp_path: Path) -> None:
    state = small(seed=1).state_dict()
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "wrapped.pt")
    assert list(read_state_dict(tmp_path / "wrapped.pt")) == list(state)


class Malicious:
    def __reduce__(self) -> tuple:
        return (Path("owned").touch, ())


@pytest.mark.parametrize("kind", ["text", "empty", "code", "list"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    if kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "empty":
        path.touch()
    else:
        torch.save({"conv.bias": Malicious()} if kind == "code" else [1, 2], path)
    with pytest.raises(TransferError, match=r"weights\.pt: it "):
        read_state_dict(path)
    assert not (tmp_path / "owned").exists()


def test_weights_for_inference_must_fit_exactly(parent_file: Path) -> None:
    network = small()
    assert load_weights(network, parent_file) == parent_file
    with pytest.raises(TransferError, match="in_channels 3, and network_def has in_channels 1"):
        load_weights(small(in_channels=1), parent_file)


def test_nobody_is_told_to_type_a_class_that_is_not_of_this_package(parent_file: Path) -> None:
    parent_file.with_suffix(".json").write_text('{"network": {"_target_": "os.system", "command": 1}}')
    with pytest.raises(TransferError, match=r"holds weights of os\.system.*if you trust") as refused:
        load_weights(DonorUNet(init_features=4), parent_file)
    assert "--network_def" not in str(refused.value)
