from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from killed_process import kill_at

import monai_lungxfer
from monai_lungxfer.bundle import files as bundle_files
from monai_lungxfer.bundle.files import bundle_metadata, bundle_names, bundle_path, export_bundle
from monai_lungxfer.utils.errors import BundleError, OutputError
from monai_lungxfer.utils.temporary import TEMPORARY

PACKAGE = Path(monai_lungxfer.__file__).parent
NAMES = ["lgg_mri_segmentation", "cxr_lung_segmentation", "portable_cxr_lung_segmentation"]


@pytest.fixture
def own_bundle(tmp_path):
    """A bundle with everything that a run leaves in it."""
    files = {
        "configs/metadata.json": '{"version": "7.8.9", "task": "a task"}',
        "configs/train.yaml": "a: 1",
        "configs/__pycache__/x.cpython-311.pyc": "x",
        "models/model.pt": "weights",
        "models/model.json": "the input size",
        "models/model.ts": "TorchScript",
        "models/model.bin": "OpenVINO",
        "models/paper/model.pt": "other weights that ship",
        "models/paper/model.pipeline.json": "and their pipeline",
        "models/exports.json": "{}",
        "models/resume.pt": "the parent's path",
        "models/shipped/model.pt": "weights before the training",
        "models/.model-0a1b2c3d.pt": "half of the weights",
        "eval/metrics.csv": "image,dice",
        "eval/mlruns.db": "runs",
        "data/images/MEIER^ANNA.dcm": "pixels",
        "data/datalist.json": "[]",
        "mlruns.db": "runs",
        "large_files.yml": "large_files: []",
        "docs/evaluation.md": "kept, only the folder eval is not",
        "LICENSE": "",
    }
    for name, text in files.items():
        file = tmp_path / "my_segmentation" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "my_segmentation"


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_follow_the_stages():
    assert bundle_names() == NAMES


@pytest.mark.parametrize(("stage", "name"), zip(("donor", "general", "portable"), NAMES, strict=True))
def test_found_by_stage_bundle_and_path(stage, name, monkeypatch):
    found = bundle_path(stage)
    assert found.name == name
    assert found.is_absolute()
    assert found == bundle_path(name) == bundle_path(found) == bundle_path(str(found))
    monkeypatch.chdir(found.parent)
    assert bundle_path(f"./{name}") == found


def test_name_goes_before_a_folder_of_that_name(tmp_path, own_bundle, monkeypatch):
    own_bundle.rename(tmp_path / "portable")
    monkeypatch.chdir(tmp_path)
    assert bundle_path("portable").name == "portable_cxr_lung_segmentation"
    assert bundle_path("./portable") == tmp_path / "portable"


def test_unknown_name_lists_the_stages():
    with pytest.raises(BundleError, match=r"portabel: there is no such .* donor, general, portable") as caught:
        bundle_path("portabel")
    assert caught.value.source == "portabel"


def test_folder_without_metadata_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"no configs/metadata\.json"):
        bundle_path(tmp_path)


def test_missing_bundle_of_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_files, "bundles_root", lambda: tmp_path)
    assert bundle_names() == []
    with pytest.raises(BundleError, match="install it again"):
        bundle_path("donor")


def test_metadata(own_bundle):
    assert bundle_metadata(own_bundle) == {"version": "7.8.9", "task": "a task"}
    for text, problem in (("{", "cannot be read"), ("[1]", "no JSON object")):
        (own_bundle / "configs" / "metadata.json").write_text(text)
        with pytest.raises(BundleError, match=problem):
            bundle_metadata(own_bundle)


@pytest.mark.parametrize("layout", ["wheel", "checkout"])
def test_found_in_every_layout(tmp_path, layout):
    shutil.copytree(PACKAGE, tmp_path / "monai_lungxfer", ignore=shutil.ignore_patterns("__pycache__"))
    root = tmp_path / "monai_lungxfer" / "bundles" if layout == "wheel" else tmp_path / "bundles"
    for name in NAMES:
        (root / name / "configs").mkdir(parents=True)
        (root / name / "configs" / "metadata.json").write_text("{}")
    code = "from monai_lungxfer.bundle.files import *; print(*bundle_names(), bundle_path('general'))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment, cwd="/", text=True, capture_output=True
    )
    assert run.stdout.split() == [*NAMES, str(root / "cxr_lung_segmentation")], run.stderr


def test_export_copies_the_bundle_without_what_runs_left(own_bundle, tmp_path):
    copy = export_bundle(own_bundle, tmp_path / "new" / "out")
    assert copy == tmp_path / "new" / "out" / "my_segmentation"
    kept = ["LICENSE", "configs/metadata.json", "configs/train.yaml", "docs/evaluation.md", "large_files.yml"]
    kept += [f"models/{name}" for name in ("exports.json", "model.bin", "model.json", "model.pt", "model.ts")]
    kept += ["models/paper/model.pipeline.json", "models/paper/model.pt"]
    assert files_below(copy) == kept
    assert (copy / "models" / "model.pt").read_text() == "weights"
    assert [path.name for path in copy.parent.iterdir()] == ["my_segmentation"]
    assert copy.stat().st_mode == own_bundle.stat().st_mode
    assert bundle_path(copy) == copy


def test_export_of_a_stage_by_name(tmp_path):
    copy = export_bundle("portable", tmp_path)
    assert copy == tmp_path / "portable_cxr_lung_segmentation"
    assert json.loads((copy / "configs" / "metadata.json").read_text()) == bundle_metadata(bundle_path("portable"))


def test_export_overwrites_only_when_told(own_bundle, tmp_path):
    copy = export_bundle(own_bundle, tmp_path / "out")
    (copy / "models" / "model.pt").write_text("trained here")
    (copy / "extra").write_text("")
    with pytest.raises(OutputError, match=r"there already.*--overwrite"):
        export_bundle(own_bundle, tmp_path / "out")
    assert (copy / "models" / "model.pt").read_text() == "trained here"
    export_bundle(own_bundle, tmp_path / "out", overwrite=True)
    assert (copy / "models" / "model.pt").read_text() == "weights"
    assert not (copy / "extra").exists()
    assert [path.name for path in copy.parent.iterdir()] == ["my_segmentation"]


@pytest.mark.parametrize("folder", [True, False])
def test_export_never_replaces_what_is_no_bundle(own_bundle, tmp_path, folder):
    precious = tmp_path / "out" / "my_segmentation"
    precious.parent.mkdir()
    precious.mkdir() if folder else None
    file = precious / "thesis.txt" if folder else precious
    file.write_text("precious")
    with pytest.raises(OutputError, match="holds other files already" if folder else "is a file"):
        export_bundle(own_bundle, tmp_path / "out", overwrite=True)
    assert file.read_text() == "precious"


@pytest.mark.parametrize("inside", ["..", ".", "models"])
def test_export_into_itself(own_bundle, inside):
    before = files_below(own_bundle)
    with pytest.raises(BundleError, match="into itself"):
        export_bundle(own_bundle, own_bundle / inside, overwrite=True)
    assert files_below(own_bundle) == before


def test_export_to_an_impossible_place(own_bundle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export_bundle(own_bundle, tmp_path / "file" / "out")


def test_export_to_a_full_disk_gives_one_reason(own_bundle, tmp_path, monkeypatch):
    def copy(source, target, **_):
        raise OSError(28, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", copy)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)"):
        export_bundle(own_bundle, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_failed_copy_keeps_the_bundle_that_was_there(own_bundle, tmp_path, monkeypatch):
    copy = export_bundle(own_bundle, tmp_path / "out")
    (copy / "models" / "model.pt").write_text("trained here")
    rename = Path.replace

    def fail_on_the_new_copy(path, target):
        if path.name == "new" and Path(target) == copy:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", fail_on_the_new_copy)
    with pytest.raises(OutputError, match="Permission denied"):
        export_bundle(own_bundle, tmp_path / "out", overwrite=True)
    assert (copy / "models" / "model.pt").read_text() == "trained here"


def test_a_bundle_whose_replacing_was_killed_is_found_as_it_was(own_bundle, tmp_path):
    copy = export_bundle(own_bundle, tmp_path / "out")
    (own_bundle / "models" / "model.pt").write_text("other weights")
    kill_at("replace", 2, lambda: export_bundle(own_bundle, tmp_path / "out", overwrite=True))
    assert not copy.exists()
    assert (bundle_path(copy) / "models" / "model.pt").read_text() == "weights"
    export_bundle(own_bundle, tmp_path / "out", overwrite=True)
    assert (copy / "models" / "model.pt").read_text() == "other weights"
    assert [path.name for path in copy.parent.iterdir() if path.name.startswith(TEMPORARY)] == []


def test_missing_weights_of_the_package_come_from_a_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_files, "bundles_root", lambda: tmp_path)
    told = bundle_files.weights_remedy(tmp_path / "cxr_lung_segmentation")
    assert "pip install ./packaging/stages" in told
    assert "lungxfer train general" in told
    for other in (tmp_path / "mine", tmp_path / "copies" / "cxr_lung_segmentation"):
        assert bundle_files.weights_remedy(other).startswith("Train it first (lungxfer train ")
