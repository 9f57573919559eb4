#!/usr/bin/env bash
# OpenVINO 2026.4.1 computes a float32 model in bfloat16 on processors that have it, unless it is told otherwise. Numpy gives
# the values to compare with. On a processor without bfloat16, the script ends with 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet openvino==2026.4.1 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
import sys

import numpy as np
import openvino
from openvino import opset13

core = openvino.Core()
if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
    print("This processor has no bfloat16")
    sys.exit(2)
rng = np.random.default_rng(0)
values, weights = rng.normal(size=(64, 256)).astype(np.float32), rng.normal(size=(256, 64)).astype(np.float32)
parameter = opset13.parameter(values.shape, np.float32)
model = openvino.Model([opset13.matmul(parameter, opset13.constant(weights), False, False)], [parameter])
expected = values.astype(float) @ weights.astype(float)
errors = {}
for name, config in {
    "by default": {},
    "INFERENCE_PRECISION_HINT f32": {"INFERENCE_PRECISION_HINT": "f32"},
    "EXECUTION_MODE_HINT ACCURACY": {"EXECUTION_MODE_HINT": "ACCURACY"},
}.items():
    found = core.compile_model(model, "CPU", config)(values)[0]
    errors[name] = float(np.abs(found - expected).max())
    print(f"{name}: largest error {errors[name]:.2g} (values have a standard deviation of {expected.std():.2g})")
default, *told = errors.values()
sys.exit(0 if default > 0.01 > 100 * max(told) else 1)
PYTHON
