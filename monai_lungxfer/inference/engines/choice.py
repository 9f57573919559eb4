"""Which engine does the work: what is asked for, what is installed, and what a compiled pipeline can do."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monai_lungxfer.inference.engines.compiled_engine import RUNTIMES, CompiledEngine
from monai_lungxfer.inference.engines.engine import ENGINES, Engine, NotCompiled
from monai_lungxfer.inference.engines.openvino_runtime import has_bfloat16
from monai_lungxfer.inference.engines.pipeline_file import Pipeline, find_pipeline
from monai_lungxfer.inference.engines.pipeline_settings import chosen_settings
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import hash_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineRequest:
    """What `monai_lungxfer.inference.segmenter.Segmenter.from_bundle` was given, with the files found."""

    folder: Path
    weights: Path
    device: str
    overrides: Mapping[str, Any]
    engine: str
    threads: int | None
    base: Path | None = None  # of weights that are an adapter


def fastest(request: EngineRequest) -> EngineRequest:
    """Return a request for the network in bfloat16, or the same where OpenVINO or the processor cannot do that.

    LungXferError is raised where another engine is asked for, or another precision.
    """
    if request.engine not in ("auto", "openvino") or "precision" in request.overrides:
        raise LungXferError(
            "fast is bfloat16 in OpenVINO, and another engine or precision was asked for",
            remedy="Leave one of the two out",
        )
    try:
        if has_bfloat16():
            return replace(request, engine="openvino", overrides={**request.overrides, "precision": "bfloat16"})
        reason = "this processor has no bfloat16"
    except LungXferError as error:
        reason = str(error)
    logger.warning("Fast is as usual: %s", reason)
    return request


def load_engine(request: EngineRequest) -> tuple[Engine, str]:
    """Load the engine that is asked for, or that is the fastest, and return it with the SHA-256 of the weights.

    Where a compiled pipeline cannot be used, PyTorch does the work, and the log says why.

    Raises
    ------
    LungXferError
        When the name is none, the engine is not installed, or neither it nor PyTorch can do the work; see also
        `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`.
    """
    if request.engine not in ENGINES:
        raise LungXferError(f"there is no engine {request.engine!r}", remedy=f"Use one of {', '.join(ENGINES)}")
    if request.engine == "torch":
        return _torch(request)
    try:
        return _compiled(request)
    except NotCompiled as reason:
        if importlib.util.find_spec("torch") is None or importlib.util.find_spec("monai") is None:
            raise LungXferError(
                f"{reason.problem}, and PyTorch and MONAI, which could do without, are not installed",
                source=reason.source,
                remedy='Run: pip install "monai_lungxfer[train]"',
            ) from reason
        is_usual = request.engine == "auto" and request.overrides.get("refiner") is None
        level = logging.INFO if is_usual else logging.WARNING
        logger.log(level, "The engine is torch: %s", reason.problem)
        return _torch(request)


def _torch(request: EngineRequest) -> tuple[Engine, str]:
    from monai_lungxfer.inference.engines.torch_engine import load_torch_engine

    files = (request.folder, request.weights)
    return load_torch_engine(*files, request.device, request.overrides, request.threads, base=request.base)


def _compiled(request: EngineRequest) -> tuple[Engine, str]:
    if request.device not in ("auto", "cpu"):
        raise NotCompiled(f"compiled pipelines run on the processor, and the device is {request.device}")
    if request.overrides.get("refiner") is not None:
        raise NotCompiled("a border refiner runs in PyTorch alone")
    sha256 = hash_file(request.weights)
    pipeline = find_pipeline(request.folder, request.weights, sha256)
    if pipeline is None:
        if request.engine == "auto":
            raise NotCompiled("no pipeline was compiled from these weights and this inference.yaml")
        pipeline = _compile(request, sha256)
    settings = chosen_settings(pipeline.settings, request.overrides)
    if request.engine != "auto":
        return CompiledEngine(request.engine, pipeline, settings, request.threads or 1), sha256
    reasons = []
    for name in RUNTIMES:
        try:
            return CompiledEngine(name, pipeline, settings, request.threads or 1), sha256
        except LungXferError as error:
            reasons.append(error.problem)
            is_usual = isinstance(error, NotCompiled) or "not installed" in error.problem
            logger.log(logging.DEBUG if is_usual else logging.WARNING, "%s: %s", name, error)
    raise NotCompiled("; ".join(reasons))


def _compile(request: EngineRequest, weights_sha256: str) -> Pipeline:
    if any(importlib.util.find_spec(name) is None for name in ("torch", "monai", "onnx")):
        raise NotCompiled("no pipeline was compiled from these weights and this inference.yaml")
    from monai_lungxfer.inference.engines.compiler import compile_into_cache

    try:
        return compile_into_cache(request.folder, request.weights, weights_sha256, request.base)
    except OutputError as error:
        raise NotCompiled(f"what is compiled cannot be kept ({error.problem})", source=error.source) from error
