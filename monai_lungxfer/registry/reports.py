"""Reports of `lungxfer evaluate` as the registry keeps them: without the names of images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.utils.errors import RegistryError

__all__ = ["METRIC", "REPORT_ARTIFACT", "mean_metric", "read_report", "without_names"]

METRIC = "DICE"
"""What models are compared by, see `monai_lungxfer.metrics.per_image`."""

REPORT_ARTIFACT = "report"
"""Name of the artifact that is the report; the file is called so too, with the suffix of JSON."""

_SECTIONS = ("independent", "test")


def read_report(path: str | Path, weights_sha256: str) -> dict[str, Any]:
    """Read a report of a model on images that it has not learnt from.

    Parameters
    ----------
    path : str or pathlib.Path
        Written by ``lungxfer evaluate``, see `monai_lungxfer.handlers.image_table.ImageTable.write`.
    weights_sha256 : str
        SHA-256 of the weights that it must be of.

    Raises
    ------
    RegistryError
        When it is no such report, of another section, or of other weights.
    """
    remedy = "Give what lungxfer evaluate STAGE --weights WEIGHTS --section independent has written"
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        measured, section = report["weights_sha256"], report["section"]
        unusable = not all(isinstance(row[METRIC], float | int) and row["image"] for row in report["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RegistryError("is no report of an evaluation", source=path, remedy=remedy) from error
    if unusable or not report["rows"]:
        raise RegistryError("has no images, or images that were not measured", source=path, remedy=remedy)
    if section not in _SECTIONS:
        raise RegistryError(f"was made on the section {section!r}, which the model knows", source=path, remedy=remedy)
    if measured != weights_sha256:
        raise RegistryError(
            f"is of the weights {measured[:12]}, not of {weights_sha256[:12]}", source=path, remedy=remedy
        )
    return without_names(report)


def without_names(report: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the names of images, which may be those of patients, by one hash of all of them in their order."""
    names = "\n".join(row["image"] for row in report["rows"])
    rows = [{key: value for key, value in row.items() if key != "image"} for row in report["rows"]]
    return {**report, "rows": rows, "images_sha256": hashlib.sha256(names.encode()).hexdigest()}


def mean_metric(report: Mapping[str, Any]) -> float:
    """Return the mean of the metric that models are compared by."""
    return float(report["all"][METRIC]["mean"])
