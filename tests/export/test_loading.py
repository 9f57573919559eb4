"""Networks in other runtimes: loaded as the manifest says, with PyTorch's values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_lungxfer.bundle.files import MANIFEST, export_bundle
from monai_lungxfer.export import loading
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.export.loading import FILES, LOADERS, SETTINGS, load_exported
from monai_lungxfer.export.writers import EXPORT_FORMATS
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.utils.errors import BundleError

FLOAT32 = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("openvino")
    bundle = export_bundle("portable", tmp_path_factory.mktemp("exported"))
    export_formats(bundle, ["openvino"])
    return bundle


@pytest.mark.slow
def test_openvino_gives_the_values_of_pytorch(exported: Path) -> None:
    network = EfficientUNet().eval()
    network.load_state_dict(torch.load(exported / "models" / "model.pt", weights_only=True))
    images = torch.randn(2, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(images).numpy()
    given = load_exported(exported, "openvino")(images.numpy())
    # bfloat16 has 8 bits of precision, and is far outside
    np.testing.assert_allclose(given, expected, atol=2e-3)
    assert np.array_equal(given >= 0, expected >= 0)


@pytest.mark.slow
def test_the_manifest_says_how_to_load_openvino(exported: Path) -> None:
    entry = json.loads((exported / MANIFEST).read_text())["formats"]["openvino"]
    assert entry["load"] == {"device": "CPU", "config": FLOAT32}


@pytest.mark.slow
def test_a_changed_file_is_refused(exported: Path, tmp_path: Path) -> None:
    copied = export_bundle(exported, tmp_path)
    weights = copied / "models" / "model.bin"
    weights.write_bytes(b"\0" + weights.read_bytes()[1:])
    with pytest.raises(BundleError, match=r"model\.bin: is not as models/exports\.json says"):
        load_exported(copied, "openvino")


def test_openvino_is_told_to_compute_in_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []

    class Core:
        def compile_model(self, *given: object) -> None:
            told.append(given)

    monkeypatch.setattr(loading, "import_extra", lambda name: type("Module", (), {"Core": Core}))
    LOADERS["openvino"](tmp_path / "model.xml")
    assert told == [(tmp_path / "model.xml", "CPU", FLOAT32)]


@pytest.mark.slow
def test_a_format_that_a_bundle_does_not_have_is_named(exported: Path) -> None:
    with pytest.raises(BundleError, match=r"has no format 'onnx', only openvino\. Add it: .*--format onnx"):
        load_exported(exported, "onnx")


def test_a_bundle_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a list of exported formats"):
        load_exported(export_bundle("portable", tmp_path), "torchscript")


def test_every_format_can_be_loaded() -> None:
    assert list(EXPORT_FORMATS) == list(FILES) == list(LOADERS)
    assert set(SETTINGS) <= set(FILES)
