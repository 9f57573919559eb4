"""Adapters in a bundle: checked, named, and kept on the base that they were trained on."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from adapter_files import write_adapter, write_base
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import WEIGHTS, bundle_adapters, export_bundle
from monai_lungxfer.checks.bundle.network import check_adapters
from monai_lungxfer.cli import app
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.export.weights import install_adapter, install_weights
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.errors import BundleError, TransferError
from monai_lungxfer.utils.files import hash_file


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with small weights, of which `one.pt` and `two.pt` are adapters."""
    network = write_base(tmp_path / "base.pt")
    folder = export_bundle("general", tmp_path)
    install_weights(tmp_path / "base.pt", folder, pack=False)
    for seed, name in enumerate(("one", "two")):
        write_adapter(tmp_path / f"{name}.pt", tmp_path / "base.pt", copy.deepcopy(network), seed=seed)
    return folder


def test_adapters_go_along_with_a_bundle(bundle: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        install_adapter(tmp_path / f"{name}.pt", bundle, f"ward-{name}")
    copied = export_bundle(bundle, tmp_path / "out")
    assert list(bundle_adapters(copied)) == ["ward-one", "ward-two"]
    assert "ward-one, ward-two" in check_adapters(copied, tmp_path)


def test_adapters_stay_on_their_base_when_the_bundle_gets_other_weights(bundle: Path, tmp_path: Path) -> None:
    file = install_adapter(tmp_path / "one.pt", bundle, "one")
    before = Segmenter.from_bundle(bundle, adapter=file, device="cpu").identity
    write_base(tmp_path / "base.pt", seed=4)  # nor is the old one anywhere else
    install_weights(tmp_path / "base.pt", bundle, pack=False)
    assert Segmenter.from_bundle(bundle, adapter=file, device="cpu").identity == before
    assert before.base_sha256 != hash_file(bundle / WEIGHTS)


def test_an_adapter_of_other_weights_or_without_a_proper_name_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"an adapter cannot be called '\.\./one'"):
        install_adapter(tmp_path / "one.pt", bundle, "../one")
    write_adapter(tmp_path / "wrong.pt", tmp_path / "other.pt", write_base(tmp_path / "other.pt", seed=9))
    with pytest.raises(TransferError, match="is not the base of this adapter"):
        install_adapter(tmp_path / "wrong.pt", bundle, "wrong")
    assert not bundle_adapters(bundle)


def test_a_bundle_whose_weights_are_an_adapter_is_exported_whole(bundle: Path, tmp_path: Path) -> None:
    install_weights(tmp_path / "one.pt", bundle)
    made = export_formats(bundle, ["torchscript", "onnx"])
    assert all(entry["largest_difference"] < 1e-4 for entry in made["formats"].values())
    copied = export_bundle(bundle, tmp_path / "out")
    (tmp_path / "base.pt").unlink()
    assert Segmenter.from_bundle(copied, device="cpu", engine="torch").identity.base_sha256 is not None


def test_a_copy_with_a_wrong_adapter_among_others_is_not_made(bundle: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "wrong.pt", tmp_path / "other.pt", write_base(tmp_path / "other.pt", seed=9))
    given = [part for name in ("one", "wrong") for part in ("--adapter", f"{name}={tmp_path / name}.pt")]
    result = CliRunner().invoke(app, ["bundles", "export", str(bundle), "--out", str(tmp_path / "out"), *given])
    assert "is not the base of this adapter" in result.stderr
    assert not (tmp_path / "out").exists()
