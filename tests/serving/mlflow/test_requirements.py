"""Which packages a logged model asks for: those of the metadata, pinned, and PyTorch where it computes."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from monai_lungxfer.serving.mlflow.requirements import model_requirements

ASKED_FOR = [
    "numpy>=1.26",
    "Pillow>=11",
    "pylibjpeg[rle,openjpeg]>=2",
    'winonly>=1; sys_platform == "win32"',
    'monai_lungxfer[dicom]; extra == "runtime"',
    'highdicom>=0.25; extra == "dicom"',
    'mlflow>=3; extra == "mlflow"',
    'torch>=2.6; extra == "train"',
    'ray>=2.40; extra == "distributed"',
]
INSTALLED = {
    "numpy": "2.4.6",
    "Pillow": "13.0.0",
    "pylibjpeg": "2.1.0",
    "mlflow": "3.17.2",
    "pandas": "3.1.1",
    "torch": "2.13.0+cpu",
    "monai": "1.6.1",
}
COMPILED = [
    "highdicom>=0.25",  # which is not installed
    "mlflow==3.17.2",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "Pillow==13.0.0",
    "pylibjpeg[openjpeg,rle]==2.1.0",
]


def version(name: str) -> str:
    if name not in INSTALLED:
        raise importlib.metadata.PackageNotFoundError(name)
    return INSTALLED[name]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ASKED_FOR)
    monkeypatch.setattr(importlib.metadata, "version", version)
    (tmp_path / "models").mkdir()
    return tmp_path


def test_a_compiled_pipeline_needs_no_pytorch(bundle: Path) -> None:
    (bundle / "models" / "model.pipeline.onnx").touch()
    assert model_requirements(bundle) == COMPILED


def test_another_bundle_needs_it_without_the_local_part_of_its_version(bundle: Path) -> None:
    assert sorted(set(model_requirements(bundle)) - set(COMPILED)) == ["monai==1.6.1", "torch==2.13.0"]


def test_what_is_logged_here_is_pinned_to_what_is_installed(saved_model: Path) -> None:
    lines = (saved_model / "requirements.txt").read_text().splitlines()
    assert f"numpy=={importlib.metadata.version('numpy')}" in lines
    assert f"mlflow=={importlib.metadata.version('mlflow')}" in lines
    assert not [line for line in lines if "monai_lungxfer" in line or "+" in line]
