"""Which bundles are served: those of this package, with their own configurations and their own weights."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata, bundle_path, export_bundle
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.serving.label import bundles
from monai_lungxfer.serving.label.bundles import check_bundle, load_segmenter, replace_weights, served_copy
from monai_lungxfer.utils.errors import BundleError, TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.bundle_facts import WEIGHTS_HASH
from monai_lungxfer.weights.loading import read_state_dict

NAME = "portable_cxr_lung_segmentation"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return export_bundle("portable", tmp_path / "copy")


@pytest.mark.parametrize("stage", ["general", "portable"])
def test_a_bundle_is_copied_once(stage: str, tmp_path: Path) -> None:
    folder = served_copy(stage, tmp_path)
    assert folder == tmp_path / bundle_path(stage).name
    install_weights(bundle_path("general") / WEIGHTS, folder)
    trained = (folder / WEIGHTS).read_bytes()
    assert served_copy(stage, tmp_path) == folder
    assert (folder / WEIGHTS).read_bytes() == trained


def test_a_copy_of_other_weights_is_not_served_instead(copy: Path, tmp_path: Path) -> None:
    served = served_copy(copy, tmp_path / "model")
    replace_weights(served, bundle_path("general") / WEIGHTS)
    assert served_copy(copy, tmp_path / "model") == served_copy("portable", tmp_path / "model") == served
    assert served_copy(served, tmp_path / "model") == served
    install_weights(bundle_path("general") / WEIGHTS, copy)
    with pytest.raises(BundleError, match="made from other weights"):
        served_copy(copy, tmp_path / "model")


@pytest.mark.parametrize("written", ["nothing", "weights"])
def test_weights_that_were_being_replaced(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    def broken_off(source: Path, bundle: Path, **_: bool) -> None:
        if written == "weights":
            shutil.copyfile(source, bundle / WEIGHTS)
        raise KeyboardInterrupt

    before, new = hash_file(copy / WEIGHTS), tmp_path / "trained.pt"
    torch.save(read_state_dict(copy / WEIGHTS), new)
    monkeypatch.setattr(bundles, "install_weights", broken_off)
    with pytest.raises(KeyboardInterrupt):
        replace_weights(copy, new)
    served = load_segmenter(copy, "cpu").identity.weights_sha256
    assert served == (before if written == "nothing" else hash_file(new))


def test_the_donor_does_not_know_lungs(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle for radiographs"):
        served_copy("donor", tmp_path)


@pytest.mark.parametrize("name", ["configs/train.yaml", "configs/inference.json", "scripts/__init__.py", "torch.py"])
def test_code_of_others_is_refused(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    with (copy / name).open("a") as file:
        file.write("\n# changed")
    with pytest.raises(BundleError, match="configurations differ"):
        check_bundle(copy)


def test_results_and_exports_do_no_harm(copy: Path) -> None:
    for name in ("eval/a.json", "models/model.onnx", "docs/more.md"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("{}")
    check_bundle(copy)


def test_weights_must_be_those_of_the_metadata(copy: Path) -> None:
    shutil.copyfile(bundle_path("general") / WEIGHTS, copy / WEIGHTS)
    with pytest.raises(BundleError, match="does not have the hash of configs"):
        load_segmenter(copy, "cpu")
    (copy / WEIGHTS).unlink()
    with pytest.raises(BundleError, match="is missing"):
        check_bundle(copy)


def put_unchecked(weights: Path, folder: Path) -> None:
    """Put weights into a bundle, with their hash, as somebody might by hand."""
    shutil.copyfile(weights, folder / WEIGHTS)
    told = bundle_metadata(folder) | {WEIGHTS_HASH: hash_file(weights)}
    (folder / METADATA).write_text(json.dumps(told))


def test_weights_of_another_network_do_not_load(copy: Path, tmp_path: Path) -> None:
    torch.save({"other.weight": torch.zeros(3)}, tmp_path / "other.pt")
    put_unchecked(tmp_path / "other.pt", copy)
    with pytest.raises(TransferError):
        load_segmenter(copy, "cpu")


def test_weights_with_code_do_not_load(copy: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"a": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(TransferError):
        install_weights(tmp_path / "evil.pt", copy, pack=False)
    put_unchecked(tmp_path / "evil.pt", copy)
    with pytest.raises(TransferError):
        load_segmenter(copy, "cpu")
    assert not (tmp_path / "ran").exists()


def packed(folder: Path, archive: Path, **more: str) -> Path:
    with zipfile.ZipFile(archive, "w") as content:
        for path in sorted(folder.rglob("*")):
            content.write(path, path.relative_to(folder.parent))
        for name, text in more.items():
            content.writestr(name, text)
    return archive


def test_an_archive_is_unpacked(copy: Path, tmp_path: Path) -> None:
    folder = served_copy(packed(copy, tmp_path / "a.zip"), tmp_path / "models")
    assert (folder / WEIGHTS).read_bytes() == (copy / WEIGHTS).read_bytes()


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "a\\..\\out.txt"])
def test_an_archive_stays_in_its_folder(copy: Path, tmp_path: Path, name: str) -> None:
    archive = packed(copy, tmp_path / "a.zip", **{name: "x"})
    with pytest.raises(BundleError, match="leads out of the folder"):
        served_copy(archive, tmp_path / "models")


def test_an_archive_holds_no_links(copy: Path, tmp_path: Path) -> None:
    archive = packed(copy, tmp_path / "a.zip")
    link = zipfile.ZipInfo(f"{NAME}/models/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as content:
        content.writestr(link, "/etc")
    with pytest.raises(BundleError, match="is a link"):
        served_copy(archive, tmp_path / "models")


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as content:
        content.writestr("a/b.txt", "x")
    with pytest.raises(BundleError, match="holds no bundle"):
        served_copy(tmp_path / "a.zip", tmp_path / "models")
    (tmp_path / "b.zip").write_bytes(b"no archive")
    with pytest.raises(BundleError, match="not a zip archive"):
        served_copy(tmp_path / "b.zip", tmp_path / "models")


def test_an_archive_that_unpacks_to_too_much(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_lungxfer.serving.label.bundles._LARGEST", 1000)
    with pytest.raises(BundleError, match="1000 are allowed"):
        served_copy(packed(copy, tmp_path / "a.zip"), tmp_path / "models")
