"""No library that this package uses reports to its maker, unless the user says so."""

from __future__ import annotations

import os
import sys
from types import MappingProxyType

_REFUSALS = MappingProxyType(
    {
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime 1.29 and later; docs/Privacy.md in its repository
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
)
_OPENVINO = "openvino_telemetry"


def refuse_telemetry() -> None:
    """Keep ONNX Runtime, OpenVINO, MLflow and Ray from reporting, in this process and those that it starts.

    They report when they are imported, so this comes before. A variable that the user has set stays as it is. OpenVINO
    knows no variable: it does without its package for reports when that cannot be imported.
    """
    for name, value in _REFUSALS.items():
        os.environ.setdefault(name, value)
    sys.modules.setdefault(_OPENVINO, None)  # type: ignore[arg-type]
