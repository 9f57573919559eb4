"""The table that the model takes, and the one that it returns."""

from __future__ import annotations

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType, Array, DataType

BUNDLE_ARTIFACT = "bundle"
"""Name of the artifact that is the bundle's folder."""

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
            ParamSpec("adapter", DataType.string, ""),
        ]
    ),
)
"""One radiograph a row, in one of three columns; the parameters are those of `LungModel.predict`."""
