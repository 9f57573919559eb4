"""A compiled pipeline in OpenVINO: whole, or with the network alone in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.utils.extras import import_extra

_FRONT, _BACK = ("picture", "content", "turned_round"), "probability"


def has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16; LungXferError is raised where OpenVINO is not installed."""
    return "BF16" in import_extra("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def run_in_openvino(
    file: Path, inputs: Sequence[str], outputs: Sequence[str], threads: int, precision: str
) -> Callable[..., list[Any]]:
    """Load a pipeline's ONNX file, and return a function from its inputs to its outputs, in these orders.

    In "bfloat16", what comes before and after the network stays in float32: a picture's greys are not eight bits.
    NotCompiled is raised where the processor has no such numbers.
    """
    openvino = import_extra("openvino")
    core = openvino.Core()
    if precision == "bfloat16":
        if not has_bfloat16():
            raise NotCompiled("this processor has no bfloat16")
        return _in_parts(openvino, core, file, inputs, outputs, threads)
    whole = _compiled(core, file, threads, "f32")

    def run(*given: Any) -> list[Any]:
        found = whole(dict(zip(inputs, given, strict=True)))
        return [found[name] for name in outputs]

    return run


def _in_parts(
    openvino: Any, core: Any, file: Path, inputs: Sequence[str], outputs: Sequence[str], threads: int
) -> Callable[..., list[Any]]:
    parts = (
        ("f32", None, inputs, _FRONT),
        ("bf16", "picture", (), ("logits",)),
        ("f32", "logits", inputs[:1], (_BACK,)),
    )
    front, network, back = (
        _compiled(core, _part(openvino, core.read_model(file), *cut), threads, hint) for hint, *cut in parts
    )

    def run(*given: Any) -> list[Any]:
        seen = front(dict(zip(inputs, given, strict=True)))
        logits = network([seen["picture"]])["logits"]
        found = {name: seen[name] for name in _FRONT} | {"logits": logits, _BACK: back([logits, given[0]])[_BACK]}
        return [found[name] for name in outputs]

    return run


def _compiled(core: Any, model: Any, threads: int, hint: str) -> Callable[[Any], Any]:
    told = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = core.compile_model(model, "CPU", told)
    return lambda given: compiled.create_infer_request().infer(given)  # one a call: a request is of one thread


def _part(openvino: Any, model: Any, entry: str | None, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return the part of a model that begins at one of its outputs, `entry`, and at inputs, and ends at outputs."""
    parameters = [model.input(name).get_node() for name in inputs]
    if entry is not None:
        source = model.output(entry).get_node().input_value(0)
        parameter = openvino.opset13.parameter(source.get_partial_shape(), np.float32)
        for target in list(source.get_target_inputs()):
            if target.get_node().get_type_name() != "Result":
                target.replace_source_output(parameter.output(0))
        parameters.insert(0, parameter)
    return openvino.Model([model.output(name).get_node() for name in outputs], parameters)
