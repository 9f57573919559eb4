"""What the application's -m may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_lungxfer.bundle.files import export_bundle
from monai_lungxfer.serving.deploy.model import find_model_bundle
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file

NAME = "portable_cxr_lung_segmentation"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with a file that its manifest calls an export of its weights."""
    folder = export_bundle("portable", tmp_path / "models")
    models = folder / "models"
    (models / "model.ts").write_bytes(b"never read as a network")
    manifest = {
        "weights_sha256": hash_file(models / "model.pt"),
        "formats": {"torchscript": {"sha256": {"model.ts": hash_file(models / "model.ts")}}},
    }
    (models / "exports.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("given", ["", "..", "models/model.pt", "models/model.ts"])
def test_a_bundle_and_its_files(bundle: Path, given: str) -> None:
    folder, weights = find_model_bundle(bundle / given)
    assert (folder.resolve(), weights.resolve()) == (bundle, bundle / "models" / "model.pt")


def test_other_weights_of_the_bundle(bundle: Path) -> None:
    other = bundle / "models" / "model_epoch=7.pt"
    other.touch()
    assert find_model_bundle(other) == (bundle, other)


@pytest.mark.parametrize("changed", ["model.ts", "model.pt", "exports.json"])
def test_an_export_that_is_not_of_these_weights(bundle: Path, changed: str) -> None:
    (bundle / "models" / changed).write_bytes(b"another")
    with pytest.raises(BundleError, match="not what was exported"):
        find_model_bundle(bundle / "models" / "model.ts")


def test_an_export_without_its_manifest(bundle: Path) -> None:
    (bundle / "models" / "exports.json").unlink()
    with pytest.raises(BundleError, match="not what was exported"):
        find_model_bundle(bundle / "models" / "model.ts")


def test_a_file_outside_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.ts").touch()
    with pytest.raises(BundleError, match="lies in no bundle"):
        find_model_bundle(tmp_path / "model.ts")


def test_no_bundle_and_more_than_one(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has 0 in it"):
        find_model_bundle(bundle / "models")
    export_bundle("general", bundle.parent)
    with pytest.raises(BundleError, match="has 2 in it"):
        find_model_bundle(bundle.parent)
    with pytest.raises(BundleError, match="no such model"):
        find_model_bundle(tmp_path / "absent")
