"""What MLflow is given to save or log a bundle as a model."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packaging.version import Version

from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.serving.mlflow.model import BUNDLE_ARTIFACT
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.serving.mlflow.signature import SIGNATURE, input_example

_CODE = Path(__file__).with_name("model_code.py")
_REQUIRED = ("monai_lungxfer", "mlflow", "monai", "numpy", "pandas", "torch")


def pyfunc_arguments(bundle: Path, artifacts: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """Return arguments of `mlflow.pyfunc.log_model` and `mlflow.pyfunc.save_model`.

    Parameters
    ----------
    bundle : pathlib.Path
        The folder of a bundle with weights, which becomes part of the model.
    artifacts : mapping of str to pathlib.Path, optional
        Further files to go with it.
    """
    held = {BUNDLE_ARTIFACT: bundle, **(artifacts or {})}
    return {
        "python_model": str(_CODE),
        "artifacts": {name: str(path) for name, path in held.items()},
        "signature": SIGNATURE,
        "input_example": input_example(),
        "pip_requirements": [f"{name}=={_public_version(name)}" for name in _REQUIRED],
        "model_config": asdict(Settings()),
        "metadata": {"notice": NOTICE},
    }


def _public_version(name: str) -> str:
    """Return an installed version without its local part, such as PyTorch's "+cpu", which no index has."""
    return Version(importlib.metadata.version(name)).public
