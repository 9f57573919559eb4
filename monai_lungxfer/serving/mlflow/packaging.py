"""What MLflow is given to save or log a bundle as a model, with the tables that the model takes and returns."""

from __future__ import annotations

import base64
import importlib.metadata
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType, Array, DataType
from packaging.version import Version
from PIL import Image

from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.synthetic.phantoms import portable_radiograph

BUNDLE_ARTIFACT = "bundle"
"""Name of the artifact that is the bundle's folder."""

_CODE = Path(__file__).with_name("model_code.py")
_REQUIRED = ("monai_lungxfer", "mlflow", "monai", "numpy", "pandas", "torch")

_NUMBERS = (DataType.long, DataType.double)
_OUTPUTS: dict[str, DataType | Array] = {
    "mask": DataType.string,
    "height": DataType.long,
    "width": DataType.long,
    **{
        f"{what}_{unit}": number
        for what in ("lung", "right_lung", "left_lung")
        for unit, number in zip(("px", "cm2"), _NUMBERS, strict=True)
    },
    **dict.fromkeys(("dice_expected", "dice_low", "dice_high"), DataType.double),
    "flags": Array(DataType.string),
    "remarks": Array(DataType.string),
    "model": DataType.string,
    "error": DataType.string,
}

COLUMNS = tuple(_OUTPUTS)
"""The columns of the result; all but `model` and `error` are null in a row that could not be segmented."""

SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec(DataType.string, "image", required=False),
            ColSpec(DataType.string, "path", required=False),
            # Checked by the model: MLflow would check every number of the array by itself.
            ColSpec(AnyType(), "pixels", required=False),
        ]
    ),
    outputs=Schema([ColSpec(kind, name, required=name == "model") for name, kind in _OUTPUTS.items()]),
    params=ParamSchema(
        [
            ParamSpec("any_view", DataType.boolean, False),
            ParamSpec("strict", DataType.boolean, False),
            ParamSpec("on_error", DataType.string, "raise"),
        ]
    ),
)
"""One radiograph a row, in one of three columns; the parameters are those of `LungModel.predict`."""


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


def input_example() -> pd.DataFrame:
    """Return a request of one row: a phantom as PNG."""
    pixels, _ = portable_radiograph(np.random.default_rng(0), 128, 144, "normal")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return pd.DataFrame({"image": [base64.b64encode(file.getvalue()).decode()]})
