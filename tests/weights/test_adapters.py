"""Adapters are loaded on their base, and training keeps what they need beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from adapter_files import write_adapter, write_base

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet, add_translator
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.adapters import adapt_network, keep_base, parent_part
from monai_lungxfer.weights.architecture import follow_network
from monai_lungxfer.weights.averaging import average_weights
from monai_lungxfer.weights.loading import load_parent, load_weights
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import read_sidecar, sidecar_file

IMAGES = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_base(tmp_path / "base.pt")
    return tmp_path / "base.pt"


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    write_adapter(tmp_path / "run" / "adapter.pt", base, load(DonorUNet(init_features=4), base))
    return tmp_path / "run" / "adapter.pt"


def load(network: torch.nn.Module, *weights: Path) -> torch.nn.Module:
    load_weights(network, *weights)
    return network.eval()


def test_an_adapter_is_loaded_on_the_base_that_is_given(base: Path, adapter: Path) -> None:
    written = write_adapter(adapter, base, load(DonorUNet(init_features=4), base), "hypercolumn:1:3")
    network = adapt_network(DonorUNet(init_features=4), base, adapter)
    assert (network.kind, network.depth, network.width) == ("hypercolumn", 1, 3)
    assert torch.equal(load(network, base, adapter)(IMAGES), written(IMAGES))
    assert not torch.equal(network(IMAGES), network.base(IMAGES))


def test_weights_that_are_an_adapter_find_their_base(base: Path, adapter: Path) -> None:
    found = keep_base(adapt_network(DonorUNet(init_features=4), base, adapter), base, adapter.parent)
    assert found == read_sidecar(adapter).base
    network = adapt_network(DonorUNet(init_features=4), adapter)
    base.unlink()
    given = load(network, adapter)(IMAGES)
    assert torch.isfinite(given).all()
    assert not torch.equal(given, network.base(IMAGES))


def test_no_adapter_leaves_the_network_as_it_is(base: Path) -> None:
    network = DonorUNet(init_features=4)
    assert adapt_network(network, base) is network
    assert adapt_network(network, None) is network
    with pytest.raises(TransferError, match="is not an adapter"):
        adapt_network(network, base, base)


def test_another_base_or_a_network_without_a_place_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    write_base(tmp_path / "other.pt", seed=9)
    network = adapt_network(DonorUNet(init_features=4), base, adapter)
    with pytest.raises(TransferError, match="is not the base of this adapter"):
        load_weights(network, tmp_path / "other.pt", adapter)
    with pytest.raises(TransferError, match="is an adapter, and the network has no place for it"):
        load_weights(DonorUNet(init_features=4), adapter)


def test_the_network_of_an_adapter_is_that_of_its_base(base: Path, adapter: Path) -> None:
    assert follow_network({"in_channels": 3, "out_channels": 1}, adapter) == read_sidecar(base).network


def test_a_new_translator_starts_from_its_parent_and_says_so(base: Path, tmp_path: Path) -> None:
    network = add_translator(DonorUNet(init_features=4), "tail:2")
    report = load_parent(network, base)
    assert report.sha256 == hash_file(base)
    assert torch.equal(network.eval()(IMAGES), load(DonorUNet(init_features=4), base)(IMAGES))
    told = keep_base(network, base, tmp_path / "out")
    assert (told.sha256, told.network["init_features"], told.name, told.base) == (hash_file(base), 4, None, None)
    kept = tmp_path / "out" / f"base-{told.sha256[:12]}.pt"
    assert hash_file(kept) == told.sha256
    assert read_sidecar(kept) == read_sidecar(base)


def test_an_adapter_goes_on_learning_on_its_own_base(base: Path, adapter: Path) -> None:
    written = load(adapt_network(DonorUNet(init_features=4), base, adapter), base, adapter)
    keep_base(written, base, adapter.parent)
    network = adapt_network(DonorUNet(init_features=4), adapter)
    load_parent(network, adapter)
    assert torch.equal(network.eval()(IMAGES), written(IMAGES))
    assert keep_base(network, adapter, adapter.parent / "out") == read_sidecar(adapter).base


def test_a_translator_on_an_adapter_needs_both(base: Path, adapter: Path, tmp_path: Path) -> None:
    first = load(adapt_network(DonorUNet(init_features=4), base, adapter), base, adapter)
    keep_base(first, base, adapter.parent)
    network = add_translator(adapt_network(DonorUNet(init_features=4), adapter), "tail:1:4")
    assert parent_part(network, adapter) is network.base
    load_parent(network, adapter)
    assert torch.equal(network.eval()(IMAGES), first(IMAGES))
    told = keep_base(network, adapter, tmp_path / "out")
    assert (told.sha256, told.base.sha256) == (hash_file(adapter), hash_file(base))
    assert {path.name for path in (tmp_path / "out").glob("*.pt")} == {
        f"base-{hash_file(path)[:12]}.pt" for path in (base, adapter)
    }
    second = tmp_path / "out" / "model.pt"
    written = write_adapter(second, adapter, first, "tail:1:4")
    again = adapt_network(DonorUNet(init_features=4), second)
    assert isinstance(again.base, TranslatorUNet)
    assert torch.equal(load(again, second)(IMAGES), written(IMAGES))


@pytest.mark.parametrize("parent", [None, "none"])
def test_a_translator_without_a_parent_is_refused(parent: str | None, tmp_path: Path) -> None:
    network = add_translator(DonorUNet(init_features=4), "tail:2")
    for use in (lambda: load_parent(network, parent), lambda: keep_base(network, parent, tmp_path)):
        with pytest.raises(TransferError, match=r"needs trained weights as its base.*without --translator"):
            use()


def test_packed_and_averaged_adapters_know_their_base(base: Path, adapter: Path, tmp_path: Path) -> None:
    pack_weights(adapter, tmp_path / "packed.pt")
    assert read_sidecar(tmp_path / "packed.pt").base == read_sidecar(adapter).base
    average_weights([adapter, adapter], tmp_path / "mean.pt")
    assert read_sidecar(tmp_path / "mean.pt").base == read_sidecar(adapter).base
    other = write_base(tmp_path / "other.pt", seed=9)
    write_adapter(tmp_path / "of_other.pt", tmp_path / "other.pt", other)
    with pytest.raises(TransferError, match="Average adapters of one base"):
        average_weights([adapter, tmp_path / "of_other.pt"], tmp_path / "wrong.pt")


@pytest.mark.parametrize("told", [{"sha256": "0"}, {"sha256": "a" * 64, "network": {"_target_": "$x"}}, []])
def test_a_damaged_base_is_refused(told: object, adapter: Path) -> None:
    content = json.loads(sidecar_file(adapter).read_text()) | {"base": told}
    sidecar_file(adapter).write_text(json.dumps(content))
    with pytest.raises(TransferError, match="does not contain the network and input size"):
        read_sidecar(adapter)


def test_an_adapter_that_lost_its_sidecar_is_recognised(adapter: Path) -> None:
    sidecar_file(adapter).unlink()
    for load_them in (load_weights, load_parent):
        with pytest.raises(TransferError, match=r"adapter\.pt: holds the new layers of an adapter, and lacks the"):
            load_them(DonorUNet(init_features=4), adapter)
