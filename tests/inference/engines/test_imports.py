"""With a compiled pipeline, nothing of the training stack is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from compiled_bundle import phantom
from dicom_radiograph import radiograph, write
from PIL import Image

TRAINING = {"torch", "monai", "ignite", "mlflow", "matplotlib", "pandas", "sklearn", "ray", "onnx"}
PROGRAM = """
import json, sys
from monai_lungxfer.cli import main
sys.argv = ["lungxfer", "predict", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code or 0
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize(
    "given", [[], ["--engine", "onnx", "--overlay"], ["--engine", "openvino"], ["--format", "nifti"]]
)
def test_predict_without_the_training_stack(tmp_path: Path, given: list[str]) -> None:
    Image.fromarray(phantom().pixels.astype("uint8")).save(tmp_path / "x.png")
    write(tmp_path / "y.dcm", radiograph("CR"))
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(tmp_path / "x.png"),
        str(tmp_path / "y.dcm"),
        "--out",
        str(tmp_path / "out"),
    ]
    run = subprocess.run([*command, *given], capture_output=True, text=True, check=True)
    code, modules = json.loads(run.stdout.splitlines()[-1])
    assert code == 0, run.stderr
    assert not TRAINING & set(modules)
    assert "onnxruntime" in modules or "openvino" in modules
