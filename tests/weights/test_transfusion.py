"""What is kept of a parent, what is drawn anew, and that it has the parent's scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.weights.transfusion import load_transfused, randomise_weights

KEEP = ("encoder1.*", "encoder2.*")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = DonorUNet(init_features=8)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.fill_(3.0)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def start(parent: Path, keep: tuple[str, ...] = (), **settings: object) -> tuple[dict, dict]:
    network = DonorUNet(init_features=8)
    load_transfused(network, parent, keep, **settings)
    return torch.load(parent), network.state_dict()


def test_what_is_named_is_kept_and_the_rest_is_not(parent: Path) -> None:
    given, own = start(parent, KEEP)
    assert all(torch.equal(own[name], given[name]) for name in own if name.startswith(("encoder1", "encoder2")))
    assert not any(
        torch.equal(own[name], given[name]) for name in own if "conv" in name and name.startswith("encoder3")
    )
    assert not own["encoder3.enc3norm1.running_mean"].any()
    assert (own["encoder2.enc2norm1.running_mean"] == 3).all()


def test_random_weights_have_the_mean_and_spread_of_the_parents(parent: Path) -> None:
    given, own = start(parent)
    name = "bottleneck.bottleneckconv2.weight"  # 147,456 values
    spread = float(given[name].std())
    assert float(own[name].mean()) == pytest.approx(float(given[name].mean()), abs=0.02 * spread)
    assert float(own[name].std()) == pytest.approx(spread, rel=0.02)


def test_shuffled_weights_are_the_parents_values(parent: Path) -> None:
    given, own = start(parent, shuffled=True)
    name = "encoder3.enc3conv1.weight"
    assert not torch.equal(own[name], given[name])
    assert torch.equal(own[name].flatten().sort().values, given[name].flatten().sort().values)


def test_the_seed_decides(parent: Path) -> None:
    first, again, other = (start(parent, seed=seed)[1]["conv.weight"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_all_may_be_kept(parent: Path) -> None:
    given, own = start(parent, ("*",))
    assert all(torch.equal(own[name], given[name]) for name in own)
    assert randomise_weights(DonorUNet(init_features=8), ("*",)) == 0


def test_without_a_parent_nothing_is_done() -> None:
    torch.manual_seed(0)
    network = DonorUNet(init_features=8)
    before = network.conv.weight.clone()
    assert load_transfused(network, None) is None
    assert torch.equal(network.conv.weight, before)
