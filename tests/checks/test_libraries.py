from __future__ import annotations

import importlib.metadata
import platform

import pytest
import torch

from monai_lungxfer.checks import libraries


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
        return by_name(libraries.check_versions())

    return replace


def test_this_installation_has_what_it_requires():
    checks = by_name(libraries.check_versions())
    assert checks["torch"].found.startswith(f"{torch.__version__} (needs ")
    assert checks["python"].found.startswith(platform.python_version())
    assert {"monai", "mlflow", "pydicom", "pytorch-ignite", "highdicom", "onnx"} <= set(checks)
    assert "pytest" not in checks
    assert all(check.status == "ok" for name, check in checks.items() if not name.startswith("extra "))
    assert checks["extra dicom"].found == "complete"


def test_required_library_is_missing_or_too_old(metadata):
    requirements = ["alpha>=2", "beta[fast,wide]<3,>=1", "gamma>=1"]
    checks = metadata(requirements, {"alpha": "1.9", "gamma": "1.0+cpu"})
    assert (checks["alpha"].status, checks["alpha"].found) == ("missing", "1.9 (needs >=2)")
    assert checks["alpha"].remedy == 'pip install "alpha>=2"'
    assert (checks["beta"].status, checks["beta"].found) == ("missing", "not installed (needs <3,>=1)")
    assert checks["beta"].remedy == 'pip install "beta[fast,wide]<3,>=1"'
    assert (checks["gamma"].status, checks["gamma"].remedy) == ("ok", None)


def test_an_extra_only_warns(metadata):
    """Extras may hold others. Libraries that are there are listed, the rest is named with the extra."""
    requirements = [
        "alpha>=2",
        'monai-lungxfer[dev]; extra == "viewer"',
        'delta>=1; extra == "viewer"',
        'epsilon; extra == "dev"',
        'eta>=3; extra == "dev"',
        'zeta; python_version < "3"',
    ]
    checks = metadata(requirements, {"alpha": "2", "eta": "2"})
    assert list(checks) == ["python", "monai_lungxfer", "alpha", "eta", "extra viewer"]
    assert (checks["eta"].status, checks["eta"].found) == ("warn", "2 (needs >=3, optional: viewer)")
    assert (checks["extra viewer"].status, checks["extra viewer"].found) == ("warn", "lacks delta, epsilon")
    assert checks["extra viewer"].remedy == 'pip install "monai_lungxfer[viewer]"'
    versions = {"alpha": "2", "delta": "1", "epsilon": "1", "eta": "3"}
    assert metadata(requirements, versions)["extra viewer"].found == "complete"


def test_python_out_of_range(metadata):
    check = metadata([], {}, python=">=4.2")["python"]
    assert (check.status, check.remedy) == ("missing", "Install a Python >=4.2")


def test_package_that_was_never_installed(monkeypatch):
    monkeypatch.setattr(libraries, "DISTRIBUTION", "surely-not-installed")
    (check,) = libraries.check_versions()
    assert (check.status, check.found) == ("missing", "not installed")
    assert check.remedy.startswith("pip install -e .")
