"""A bundle as a model of MLflow that runs elsewhere: with this package's code, and without a trace of this machine."""

from __future__ import annotations

import base64
import io
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo
from mlflow.pyfunc import FLAVOR_NAME, MODEL_CODE_PATH
from PIL import Image

import monai_lungxfer
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.serving.mlflow.requirements import model_requirements
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.serving.mlflow.signature import BUNDLE_ARTIFACT, SIGNATURE
from monai_lungxfer.synthetic.phantoms import portable_radiograph

_NAME = "model"
_CODE = Path(__file__).with_name("model_code.py")
_PACKAGE = Path(monai_lungxfer.__file__).parent
_HIDDEN = shutil.ignore_patterns(".*", "__pycache__", "*.py[co]")
_FILES_OF_UV = ("uv.lock", "pyproject.toml", ".python-version")


def log_model(bundle: Path, artifacts: Mapping[str, Path] | None = None) -> ModelInfo:
    """Log a bundle as a model of the active run; for the parameters see `save_model`."""
    return Model.log(None, sys.modules[__name__], name=_NAME, bundle=bundle, artifacts=artifacts)


def save_model(
    path: str | Path, bundle: Path, artifacts: Mapping[str, Path] | None = None, mlflow_model: Model | None = None
) -> None:
    """Save a bundle as a model of MLflow, with this package's code and the list of the packages that it needs.

    Parameters
    ----------
    path : str or pathlib.Path
        A new folder.
    bundle : pathlib.Path
        The folder of a bundle with weights, which becomes part of the model.
    artifacts : mapping of str to pathlib.Path, optional
        Further files to go with it.
    mlflow_model : mlflow.models.Model, optional
        What MLflow knows of the model so far, when it logs it.
    """
    model = Model() if mlflow_model is None else mlflow_model
    held = {BUNDLE_ARTIFACT: bundle, **(artifacts or {})}
    with TemporaryDirectory() as folder:
        mlflow.pyfunc.save_model(
            path,
            mlflow_model=model,
            python_model=str(_CODE),
            code_paths=[str(_copy_package(Path(folder)))],
            artifacts={name: str(file) for name, file in held.items()},
            signature=SIGNATURE,
            input_example=input_example(),
            pip_requirements=model_requirements(bundle),
            model_config=asdict(Settings()),
            metadata={"notice": NOTICE},
        )
    _forget_places(model)
    model.save(str(Path(path) / MLMODEL_FILE_NAME))
    for name in _FILES_OF_UV:  # of whichever project the current folder is; MLflow would build the environment by them
        (Path(path) / name).unlink(missing_ok=True)


def _copy_package(folder: Path) -> Path:
    """Copy this package's code; an installed one holds all bundles too, and the model has its own as an artifact."""

    def leave_out(directory: str, names: list[str]) -> set[str]:
        return _HIDDEN(directory, names) | ({"bundles"} if Path(directory) == _PACKAGE else set())

    return shutil.copytree(_PACKAGE, folder / _PACKAGE.name, ignore=leave_out)


def _forget_places(model: Model) -> None:
    """Take the paths of this machine out of what MLflow knows of a model; nothing reads them."""
    model.artifact_path = _NAME
    flavor = model.flavors[FLAVOR_NAME]
    flavor[MODEL_CODE_PATH] = _CODE.name  # of a path, MLflow takes the last part too
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]


def input_example() -> pd.DataFrame:
    """Return a request of one row: a phantom as PNG."""
    pixels, _ = portable_radiograph(np.random.default_rng(0), 128, 144, "normal")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return pd.DataFrame({"image": [base64.b64encode(file.getvalue()).decode()]})
