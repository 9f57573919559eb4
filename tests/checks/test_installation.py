from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from monai_lungxfer.bundle import files as bundle_files
from monai_lungxfer.checks import installation as doctor
from monai_lungxfer.utils.precision import autocast_dtype
from monai_lungxfer.weights.pretrained import pretrained_path


def by_name(checks):
    return {check.name: check for check in checks}


@pytest.fixture
def metadata(monkeypatch):
    """Replace the package's metadata and the versions that are installed."""

    def replace(requirements, versions, python=">=3.11"):
        message = importlib.metadata.metadata("pytest")  # any object of the right kind
        for header in ("Requires-Dist", "Provides-Extra", "Requires-Python"):
            del message[header]
        message["Requires-Python"] = python
        for extra in ("viewer", "dev"):
            message["Provides-Extra"] = extra
        for requirement in requirements:
            message["Requires-Dist"] = requirement

        def version(name):
            if name not in versions:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(importlib.metadata, "metadata", lambda name: message)
        monkeypatch.setattr(importlib.metadata, "version", version)
        return by_name(doctor.check_versions())

    return replace


def test_this_installation_has_what_it_requires():
    checks = by_name(doctor.check_versions())
    assert checks["torch"].found.startswith(f"{torch.__version__} (needs ")
    assert checks["python"].found.startswith(platform.python_version())
    assert {"monai", "mlflow", "pydicom", "pytorch-ignite", "highdicom", "onnx"} <= set(checks)
    assert "pytest" not in checks
    assert all(check.status == "ok" for check in checks.values() if "optional" not in check.found)


def test_required_library_is_missing_or_too_old(metadata):
    requirements = ["alpha>=2", "beta[fast,wide]<3,>=1", "gamma>=1"]
    checks = metadata(requirements, {"alpha": "1.9", "gamma": "1.0+cpu"})
    assert (checks["alpha"].status, checks["alpha"].found) == ("missing", "1.9 (needs >=2)")
    assert checks["alpha"].remedy == 'pip install "alpha>=2"'
    assert (checks["beta"].status, checks["beta"].found) == ("missing", "not installed (needs <3,>=1)")
    assert checks["beta"].remedy == 'pip install "beta[fast,wide]<3,>=1"'
    assert (checks["gamma"].status, checks["gamma"].remedy) == ("ok", None)


def test_optional_library_only_warns(metadata):
    own = 'monai_lungxfer[dev]; extra == "viewer"'  # an extra that includes another
    requirements = [
        "alpha>=2",
        own,
        'delta>=1; extra == "viewer"',
        'epsilon; extra == "dev"',
        'zeta; python_version < "3"',
    ]
    checks = metadata(requirements, {"alpha": "2"})
    assert list(checks) == ["python", "monai_lungxfer", "alpha", "delta"]
    assert "needs" not in checks["monai_lungxfer"].found
    assert (checks["delta"].status, checks["delta"].remedy) == ("warn", 'pip install "delta>=1"')
    assert checks["delta"].found == "not installed (needs >=1, optional: viewer)"


def test_python_out_of_range(metadata):
    check = metadata([], {}, python=">=4.2")["python"]
    assert (check.status, check.remedy) == ("missing", "Install a Python >=4.2")


def test_package_that_was_never_installed(monkeypatch):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "surely-not-installed")
    (check,) = doctor.check_versions()
    assert (check.status, check.found) == ("missing", "not installed")
    assert check.remedy.startswith("pip install -e .")


def test_device_precision_and_threads(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    checks = by_name(doctor.check_device())
    assert checks["device"].found.startswith("cpu: ")
    assert "CUDA no" in checks["device"].found
    expected = autocast_dtype("cpu")
    assert checks["precision of auto"].found == (str(expected).removeprefix("torch.") if expected else "float32")
    assert checks["threads"].found.startswith(f"{torch.get_num_threads()} of PyTorch on ")


def test_torch_that_does_not_load(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (check,) = doctor.check_device()
    assert (check.name, check.status) == ("device", "missing")


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
    assert checks["bundle donor"].remedy == "lungxfer train donor --data DIR"
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
