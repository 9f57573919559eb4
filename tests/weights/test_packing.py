"""Packed weights: half the size, the same logits to within float16, and a hash in the bundle's metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_lungxfer.bundle.files import export_bundle
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.packing import pack_weights
from monai_lungxfer.weights.sidecar import Sidecar, input_size, input_sizing, save_sidecar


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = DonorUNet(init_features=16)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(1e-9, 1e6)  # beyond float16 at both ends
    torch.save(network.state_dict(), tmp_path / "trained.pt")
    return tmp_path / "trained.pt"


def test_large_convolutions_become_half_as_large_and_all_else_stays(trained: Path, tmp_path: Path) -> None:
    packed = torch.load(pack_weights(trained, tmp_path / "packed.pt"), weights_only=True)
    original = torch.load(trained, weights_only=True)
    assert packed.keys() == original.keys()
    for name, tensor in packed.items():
        if tensor.dim() > 1 and tensor.numel() >= 32_768:
            assert tensor.dtype == torch.float16
            torch.testing.assert_close(tensor.float(), original[name], rtol=2**-11, atol=1e-7)
        else:
            assert torch.equal(tensor, original[name]), name


def test_equal_weights_have_equal_files(trained: Path, tmp_path: Path) -> None:
    """The names of the temporary files that they are written to do not go into them."""
    first, second = (pack_weights(trained, tmp_path / name) for name in ("first.pt", "second.pt"))
    assert first.read_bytes() == second.read_bytes()
    assert pack_weights(first, tmp_path / "third.pt").read_bytes() == first.read_bytes()


def test_the_network_loads_it_as_float32(trained: Path, tmp_path: Path) -> None:
    network = DonorUNet(init_features=16).eval()
    network.load_state_dict(torch.load(trained, weights_only=True))
    image = torch.randn(1, 3, 32, 48)
    expected = network(image)
    network.load_state_dict(torch.load(pack_weights(trained, tmp_path / "packed.pt"), weights_only=True))
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    torch.testing.assert_close(network(image), expected, rtol=0.01, atol=0.01)


def test_the_input_size_goes_along(trained: Path, tmp_path: Path) -> None:
    save_sidecar(trained, Sidecar([64, 64], sizing="pad"))
    packed = pack_weights(trained, tmp_path / "packed.pt")
    assert (input_size(packed), input_sizing(packed)) == ([64, 64], "pad")


def test_weights_beyond_float16_are_refused_by_name(trained: Path, tmp_path: Path) -> None:
    weights = torch.load(trained, weights_only=True)
    weights["bottleneck.bottleneckconv2.weight"] += 1e5
    torch.save(weights, trained)
    with pytest.raises(TransferError, match=r"bottleneck\.bottleneckconv2\.weight"):
        pack_weights(trained, tmp_path / "packed.pt")
    assert not (tmp_path / "packed.pt").exists()


def test_a_bundle_gets_weights_and_their_hash(trained: Path, tmp_path: Path) -> None:
    torch.save(DonorUNet().state_dict(), trained)
    bundle = export_bundle("portable", tmp_path)
    target = install_weights(trained, bundle)
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert target == bundle / "models" / "model.pt"
    assert metadata["weights_sha256"] == hash_file(target)
    assert metadata["task"]


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("part", ["encoder", "others"])
def test_weights_that_do_not_fit_change_no_bundle(part: str, pack: bool, trained: Path, tmp_path: Path) -> None:
    bundle = export_bundle("portable", tmp_path)
    if part == "encoder":
        whole = torch.load(bundle / "models" / "model.pt", weights_only=True)
        torch.save({name: value for name, value in whole.items() if name.startswith("encoder.")}, trained)
    else:
        torch.save(torch.nn.Conv2d(3, 1, 1).state_dict(), trained)
    before = {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}
    with pytest.raises(TransferError, match=r"trained\.pt: \d+ layers do not fit the network"):
        install_weights(trained, bundle, pack=pack)
    assert {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()} == before
