from __future__ import annotations

import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from monai_lungxfer.bundle import files as bundle_files
from monai_lungxfer.checks import installation as doctor
from monai_lungxfer.utils.precision import autocast_dtype
from monai_lungxfer.weights.pretrained import pretrained_path


def by_name(checks):
    return {check.name: check for check in checks}


def test_device_precision_and_threads(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    checks = by_name(doctor.check_device())
    assert checks["device"].found.startswith("cpu: ")
    assert "CUDA no" in checks["device"].found
    expected = autocast_dtype("cpu")
    assert checks["precision of auto"].found == (str(expected).removeprefix("torch.") if expected else "float32")
    assert checks["threads"].found.startswith(f"{torch.get_num_threads()} of PyTorch on ")


def test_torch_that_does_not_load(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai_lungxfer.utils.precision", ModuleType("without what is imported from it"))
    (check,) = doctor.check_device()
    assert (check.name, check.status) == ("device", "missing")
    assert "cannot be imported" in check.found


def test_without_torch_the_device_is_that_of_onnx_runtime(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(__version__="1.2.3"))
    (check,) = doctor.check_device()
    assert (check.name, check.status) == ("device", "ok")
    assert check.found.startswith("cpu: ONNX Runtime 1.2.3 on ")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (check,) = doctor.check_device()
    assert check.status == "missing"
    assert "torch is not installed, and ONNX Runtime cannot be imported" in check.found


def test_all_dicom_codecs_are_here():
    checks = doctor.check_codecs()
    assert [check.name for check in checks] == ["DICOM JPEG", "DICOM JPEG-LS", "DICOM JPEG 2000", "DICOM RLE"]
    assert all(check.status == "ok" for check in checks)


def test_transfer_syntaxes_are_what_pydicom_calls_them():
    from pydicom.uid import UID

    for name, syntaxes in doctor.CODECS.items():
        assert all(name in UID(uid).name for uid in syntaxes)
        assert all(UID(uid).is_compressed for uid in syntaxes)


def test_codec_that_is_not_here(monkeypatch):
    monkeypatch.setattr(doctor, "_decodes", lambda uid: not uid.startswith("1.2.840.10008.1.2.4.8"))
    checks = by_name(doctor.check_codecs())
    assert [name for name, check in checks.items() if check.status == "missing"] == ["DICOM JPEG-LS"]
    assert checks["DICOM JPEG-LS"].found == "lacks 1.2.840.10008.1.2.4.80, 1.2.840.10008.1.2.4.81"
    assert checks["DICOM JPEG-LS"].remedy.startswith("pip install ")


def test_syntax_that_pydicom_cannot_decode():
    assert doctor._decodes("1.2.840.10008.1.2.4.90")
    assert not doctor._decodes_before_pydicom_3("1.2.840.10008.1.2.4.100")
    assert doctor._decodes_before_pydicom_3("1.2.840.10008.1.2.4.90")


@pytest.mark.parametrize(("free", "status"), [(doctor.ENOUGH_DISK, "ok"), (doctor.ENOUGH_DISK - 1, "warn")])
def test_disk_space_of_the_current_folder(monkeypatch, tmp_path, free, status):
    monkeypatch.chdir(tmp_path)
    usage = namedtuple("usage", "total used free")(10 * doctor.GIB, 0, free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage if path == tmp_path else None)
    check = by_name(doctor.check_resources())["disk"]
    assert check.status == status
    assert check.found == f"2.0 GiB free of 10 GiB in {tmp_path}"


def test_memory_is_that_of_the_machine():
    found = by_name(doctor.check_resources())["memory"].found
    kibibytes = int(Path("/proc/meminfo").read_text().split()[1])
    assert float(found.split()[0]) == pytest.approx(kibibytes / 2**20, rel=0.02, abs=0.06)


@pytest.fixture
def empty_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(bundle_files, "bundles_root", lambda: tmp_path / "bundles")
    return tmp_path


def put(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")


def test_bundles_with_and_without_weights(empty_home):
    put(empty_home / "bundles/lgg_mri_segmentation/configs/metadata.json")
    put(empty_home / "bundles/cxr_lung_segmentation/configs/metadata.json")
    put(empty_home / "bundles/cxr_lung_segmentation/models/model.pt")
    checks = by_name(doctor.check_bundles())
    assert {name: check.status for name, check in checks.items()} == {
        "bundle donor": "warn",
        "bundle general": "ok",
        "bundle portable": "missing",
    }
    assert "pip install ./packaging/stages" in checks["bundle donor"].remedy
    assert "lungxfer train donor" in checks["bundle donor"].remedy
    assert checks["bundle general"].found == f"{empty_home / 'bundles/cxr_lung_segmentation'}, with weights"


def test_donor_weights(empty_home):
    check = doctor.check_donor_weights()
    assert (check.status, check.found) == ("warn", f"not at {empty_home}/cache/monai_lungxfer/unet-e012d006.pt")
    assert "lungxfer weights fetch donor" in check.remedy
    put(empty_home / "bundles/lgg_mri_segmentation/configs/metadata.json")
    assert doctor.check_donor_weights().status == "warn"
    put(empty_home / "bundles/lgg_mri_segmentation/models/model.pt")
    assert doctor.check_donor_weights().found == f"{empty_home}/bundles/lgg_mri_segmentation/models/model.pt"
    put(pretrained_path("donor"))
    assert doctor.check_donor_weights().found == str(pretrained_path("donor"))


def test_cache_folder_without_xdg(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pretrained_path("donor") == tmp_path / ".cache" / "monai_lungxfer" / "unet-e012d006.pt"
