"""Other runtimes: what is written gives PyTorch's masks, and what does not is not kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from compiled_bundle import small_bundle
from killed_process import kill_at

from monai_lungxfer.bundle.files import MANIFEST, WEIGHTS, bundle_path, export_bundle
from monai_lungxfer.export import formats as exports
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.export.manifest import checked_formats
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.export.writers import EXPORT_FORMATS
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.utils.temporary import TEMPORARY


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return export_bundle("portable", tmp_path)


@pytest.mark.slow
def test_every_format_gives_the_masks_of_pytorch(copied: Path) -> None:
    manifest = export_formats(copied, EXPORT_FORMATS)
    assert manifest == json.loads((copied / MANIFEST).read_text())
    assert manifest["weights_sha256"] == hash_file(copied / "models" / "model.pt")
    assert manifest["input_size"] == [192, 192]
    network = EfficientUNet().eval()
    network.load_state_dict(torch.load(copied / "models" / "model.pt", weights_only=True))
    images = torch.randn(2, 3, 96, 64)  # neither the size nor the batch that they were written for
    with torch.no_grad():
        expected = network(images).numpy()
    for name, entry in manifest["formats"].items():
        assert entry["images"] == 4
        assert entry["lowest_dice"] >= 0.999
        for file, sha256 in entry["sha256"].items():
            assert hash_file(copied / "models" / file) == sha256
        given = EXPORT_FORMATS[name].load(copied / "models" / EXPORT_FORMATS[name].file)(images.numpy())
        np.testing.assert_allclose(given, expected, atol=2e-3)


def test_torchscript_holds_the_configurations(copied: Path) -> None:
    export_formats(copied, ["torchscript"])
    embedded = {"inference.json": "", "metadata.json": ""}
    torch.jit.load(copied / "models" / "model.ts", _extra_files=embedded)
    assert json.loads(embedded["inference.json"])["network_def"] == describe_network(EfficientUNet())
    assert json.loads(embedded["metadata.json"])["name"] == "Lung segmentation in portable chest radiographs"


def test_a_network_of_padded_images(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path, sizing="pad")
    manifest = export_formats(bundle, ["torchscript", "onnx"])
    assert manifest["sizing"] == "pad"
    assert all(entry["lowest_dice"] == 1.0 for entry in manifest["formats"].values())
    held = {entry.key: entry.value for entry in onnx.load(bundle / "models" / "model.onnx").metadata_props}
    told = json.loads(held["pipeline"])
    assert told["input"]["shape"] == ["batch", 3, "height", "width"]
    assert (told["sizing"], told["input"]["sides_are_multiples_of"]) == ("pad", 16)


@pytest.mark.slow
def test_formats_are_added_one_by_one_and_those_of_other_weights_go(copied: Path) -> None:
    export_formats(copied, ["torchscript"])
    first = (copied / "models" / "model.ts").read_bytes()
    export_formats(copied, ["onnx"])
    assert list(checked_formats(copied)) == ["torchscript", "onnx"]
    assert (copied / "models" / "model.ts").read_bytes() == first
    install_weights(bundle_path("general") / WEIGHTS, copied)
    with pytest.raises(BundleError, match="made from other weights"):
        checked_formats(copied)
    export_formats(copied, ["torchscript"])
    assert list(checked_formats(copied)) == ["torchscript"]
    assert not (copied / "models" / "model.onnx").exists()


def test_a_bundle_of_another_name_is_compared_on_portable_radiographs(copied: Path) -> None:
    own = copied.rename(copied.with_name("own"))
    assert export_formats(own, ["torchscript"])["formats"]["torchscript"]["images"] == 4


@pytest.mark.parametrize("text", ["", "[]", '{"weights_sha256": "0", "formats": {"onnx": {"sha256": {"../a": "0"}}}}'])
def test_a_manifest_that_is_none_is_said_to_be_so(copied: Path, text: str) -> None:
    (copied / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match=r"is not a list of exported formats|names files outside"):
        checked_formats(copied)


def test_the_donor_is_compared_on_brain_slices(tmp_path: Path) -> None:
    entry = export_formats(export_bundle("donor", tmp_path), ["torchscript"])["formats"]["torchscript"]
    assert (entry["images"], entry["largest_difference"]) == (4, 0.0)


def test_a_format_whose_masks_differ_is_not_kept(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = replace(EXPORT_FORMATS["torchscript"], load=lambda file: lambda images: -np.ones_like(images[:, :1]))
    monkeypatch.setattr(exports, "EXPORT_FORMATS", {"torchscript": nothing})
    before = sorted((copied / "models").iterdir())
    with pytest.raises(BundleError, match=r"reach a Dice of 0\.0000"):
        export_formats(copied, ["torchscript"])
    assert sorted((copied / "models").iterdir()) == before


def test_a_format_that_is_not_installed_says_what_to_install(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(EXPORT_FORMATS["openvino"], packages=("no_such_package",))
    monkeypatch.setattr(exports, "EXPORT_FORMATS", {"openvino": absent})
    with pytest.raises(BundleError, match=r"needs no_such_package.*monai_lungxfer\[openvino\]"):
        export_formats(copied, ["openvino"])


def test_a_format_that_does_not_exist_names_those_that_do(copied: Path) -> None:
    with pytest.raises(BundleError, match=r"no export format 'onxx'.*torchscript, onnx, openvino"):
        export_formats(copied, ["onxx"])


@pytest.mark.parametrize(("number", "listed"), [(1, ["onnx", "openvino"]), (2, ["onnx"]), (3, ["onnx"]), (4, ["onnx"])])
def test_a_kill_leaves_formats_that_are_as_the_manifest_tells(
    copied: Path, monkeypatch: pytest.MonkeyPatch, number: int, listed: list[str]
) -> None:
    def write(_: Path, file: Path) -> None:
        for part in {file, file.with_suffix(".bin")} if file.suffix == ".xml" else {file}:
            part.write_text(f"{content} {part.name}")

    monkeypatch.setattr(exports, "prepare_and_predict", lambda *_: ([], []))
    monkeypatch.setattr(exports, "_check_installed", lambda _: None)
    fakes = {name: replace(EXPORT_FORMATS[name], write=write, load=lambda _: None) for name in ("onnx", "openvino")}
    monkeypatch.setattr(exports, "EXPORT_FORMATS", fakes)
    content = "first"
    export_formats(copied, fakes)
    content = "other"
    kill_at("replace", number, lambda: export_formats(copied, ["openvino"]))
    assert sorted(checked_formats(copied)) == listed
    export_formats(copied, ["openvino"])
    assert sorted(checked_formats(copied)) == ["onnx", "openvino"]
    assert [path.name for path in (copied / "models").iterdir() if path.name.startswith(TEMPORARY)] == []
