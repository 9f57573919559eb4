from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monai_lungxfer.utils.telemetry import refuse_telemetry

IMPORTS = "import monai_lungxfer, mlflow, onnxruntime, openvino"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    refuse_telemetry()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_libraries_leave_nothing_that_they_would_report(tmp_path: Path) -> None:
    # An environment of its own: on machines of continuous integration they report nothing in any case.
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", IMPORTS], env=environment, cwd=tmp_path, check=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert not {path for path in left if not path.startswith(".cache/matplotlib")}
