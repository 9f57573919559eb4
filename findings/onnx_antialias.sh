#!/usr/bin/env bash
# ONNX's Resize has the attribute antialias. OpenVINO 2026.4.1 reads a model that sets it and does not follow it: a picture
# of thin stripes becomes black or white, without a warning. ONNX Runtime 1.32.0 follows it, but gives another value than
# Pillow 12.3.0 within a filter's width of the border, unless exclude_outside is set too, which ONNX describes for cubic
# resizing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 pillow==12.3.0 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper
from PIL import Image

SIZE = 100
STRIPES = np.zeros((300, 300), np.float32)
STRIPES[:, ::2] = 1
NOISE = np.random.default_rng(0).random((300, 300), np.float32)


def model(**attributes: int) -> bytes:
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode="linear", antialias=1, **attributes)
    size = helper.make_tensor("size", TensorProto.INT64, [4], [1, 1, SIZE, SIZE])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"]) for name in "xy"]
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], [size])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def by_onnx_runtime(picture: np.ndarray, **attributes: int) -> np.ndarray:
    session = onnxruntime.InferenceSession(model(**attributes), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": picture[None, None]})[0][0, 0]


def by_openvino(picture: np.ndarray, **attributes: int) -> np.ndarray:
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model(**attributes)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([picture[None, None]])[0][0, 0]


def by_pillow(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((SIZE, SIZE), Image.Resampling.BILINEAR))


inner = slice(4, -4)
contrast = {name: float(abs(found[inner, inner] - 0.5).max()) for name, found in (
    ("OpenVINO", by_openvino(STRIPES)), ("Pillow", by_pillow(STRIPES)), ("ONNX Runtime", by_onnx_runtime(STRIPES))
)}
at_border, within = (
    float(abs(by_onnx_runtime(NOISE, **attributes) - by_pillow(NOISE)).max()) for attributes in ({}, {"exclude_outside": 1})
)
inside = float(abs(by_onnx_runtime(NOISE) - by_pillow(NOISE))[inner, inner].max())
for name, found in contrast.items():
    print(f"stripes of 0 and 1, reduced to a third: {name}'s greys lie up to {found:.3f} from 0.5")
print(f"OpenVINO {version('openvino')}, Pillow {version('pillow')}")
print(f"ONNX Runtime {version('onnxruntime')} against Pillow: {at_border:.4f} at the border, {inside:.6f} inside")
print(f"with exclude_outside: {within:.6f} everywhere")
as_described = contrast["OpenVINO"] > 0.4 and max(contrast["Pillow"], contrast["ONNX Runtime"]) < 0.1 and at_border > 0.01 and inside < 1e-4 and within < 1e-4
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON
