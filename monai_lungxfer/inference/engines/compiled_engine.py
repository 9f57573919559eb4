"""Engines that run a compiled pipeline, in ONNX Runtime or in OpenVINO; neither PyTorch nor MONAI is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.content_check import Content
from monai_lungxfer.inference.engines.engine import Looked, Maps, NotCompiled
from monai_lungxfer.inference.engines.openvino_runtime import run_in_openvino
from monai_lungxfer.inference.engines.pipeline_file import Pipeline
from monai_lungxfer.inference.engines.pipeline_settings import PipelineSettings
from monai_lungxfer.inference.engines.probe import check_probe, probe_image
from monai_lungxfer.io.channels import count_planes
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.morphology.cleaning import clean_lungs_once
from monai_lungxfer.utils.errors import BundleError, LungXferError
from monai_lungxfer.utils.extras import import_extra
from monai_lungxfer.utils.memory import says_out_of_memory

INPUTS = ("image", "fix_polarity")
OUTPUTS = ("probability", "logits", "picture", "content", "turned_round")
"""The names of a pipeline's ends; `monai_lungxfer.inference.engines.pipeline_module` says what they are."""

_SPANS = (1e-9, 1e9)
_MOST_SPANS = 100  # that the values may be away from 0: an offset costs float32 that many of its 16,777,216 steps

Run = Callable[[NDArray[np.float32], NDArray[np.bool_]], Sequence[Any]]
"""From what `INPUTS` names to what `OUTPUTS` names, in this order. Threads may call it at the same time."""


class _Answer(NamedTuple):
    turn: Turn
    probability: NDArray[np.float32]  # upright, native size
    likelihood: NDArray[np.float32]
    picture: NDArray[np.float32]


class CompiledEngine:
    """Runs a compiled pipeline, after it has given the known answer of `monai_lungxfer.inference.engines.probe`.

    Parameters
    ----------
    name : {"onnx", "openvino"}
        The runtime.
    pipeline : Pipeline
        What to run.
    settings : PipelineSettings
        What to run it with; those of the pipeline, with another threshold, for instance.
    threads : int
        Processor threads of one segmentation. Several at a time have so many each.

    Raises
    ------
    LungXferError
        When the runtime is not installed, cannot run the file, or computes something else than PyTorch.
    """

    refiner_sha256: str | None = None
    takes_batches = False  # `look` does it all, for one radiograph after the other

    def __init__(self, name: str, pipeline: Pipeline, settings: PipelineSettings, threads: int = 1) -> None:
        self.name = name
        self.channels = settings.channels
        self._given = (name, pipeline, settings, threads)
        self._settings = settings
        try:
            self._run = RUNTIMES[name](pipeline.file, threads, settings.precision)
            known = self._call(probe_image(count_planes(self.channels)))
        except LungXferError:
            raise
        except Exception as error:
            raise _explained(error, pipeline.file) from error
        check_probe(known[1], pipeline.probe, settings.precision)

    def __reduce__(self) -> tuple[Any, ...]:
        return CompiledEngine, self._given

    def look(self, radiograph: Radiograph) -> Looked:
        """Do all that the pipeline does with a radiograph."""
        upright = radiograph.turn.apply(radiograph.pixels)
        image = np.ascontiguousarray(upright[None, None] if upright.ndim == 2 else upright[None], dtype=np.float32)
        if self._settings.normalises:
            image = _levelled(image, *radiograph.levels)
        try:
            probability, logits, picture, content, turned_round = self._call(image)
        except Exception as error:
            raise _explained(error, None) from error
        with np.errstate(over="ignore"):
            likelihood = 1 / (1 + np.exp(-logits[0, 0]))
        answer = _Answer(radiograph.turn, probability[0, 0], likelihood, picture[0, 0])
        return Looked(answer, Content.from_logits(content), bool(turned_round))

    def infer(self, images: Sequence[_Answer]) -> Sequence[_Answer]:
        """Return what `look` has found."""
        return images

    def finish(self, image: _Answer, answer: _Answer, size: tuple[int, int]) -> Maps:
        """Threshold and clean what `look` has found."""
        probability = np.ascontiguousarray(image.turn.undo(answer.probability))
        if probability.shape != size:
            raise BundleError(
                f"the pipeline gives the shape {probability.shape} for a radiograph of {size}",
                remedy="Compile it again (lungxfer bundles compile)",
            )
        drawn = probability >= self._settings.threshold
        raw = drawn.view(np.uint8)
        if not self._settings.clean:
            return Maps(answer.picture, answer.likelihood, probability, raw, raw)
        mask, shape = clean_lungs_once(drawn)
        return Maps(answer.picture, answer.likelihood, probability, raw, mask.view(np.uint8), shape)

    def _call(self, image: NDArray[np.float32]) -> Sequence[Any]:
        return self._run(image, np.array(self._settings.fix_polarity))


def _levelled(image: NDArray[np.float32], lowest: float, highest: float) -> NDArray[np.float32]:
    """Bring values to 0 to 1 where float32 cannot square them, or has few digits for what differs between them.

    It changes nothing that is normalised later, and ordinary images are returned as they are.
    """
    span = highest - lowest
    if max(-lowest, highest) <= _MOST_SPANS * span and _SPANS[0] <= span <= _SPANS[1]:
        return image
    return ((image.astype(np.float64) - lowest) / span).astype(np.float32)


def _explained(error: Exception, file: Path | None) -> Exception:
    """Return an error of a runtime, each of which has classes of its own, as one of this package's."""
    if isinstance(error, MemoryError) or says_out_of_memory(error):
        return MemoryError("the compiled pipeline needs more memory")
    return BundleError(
        f"the compiled pipeline cannot be run ({type(error).__name__})",
        source=file,
        remedy="Make it again (lungxfer bundles compile), or use --engine torch",
    )


def _in_onnx_runtime(file: Path, threads: int, precision: str) -> Run:
    if precision != "float32":
        raise NotCompiled(f"ONNX Runtime does not compute in {precision} here")
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and need not be printed as well
    options.enable_cpu_mem_arena = False  # which keeps the largest radiograph's memory for ever
    session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda *given: session.run(list(OUTPUTS), dict(zip(INPUTS, given, strict=True)))


def _in_openvino(file: Path, threads: int, precision: str) -> Run:
    return run_in_openvino(file, INPUTS, OUTPUTS, threads, precision)


RUNTIMES: Mapping[str, Callable[[Path, int, str], Run]] = MappingProxyType(
    {"onnx": _in_onnx_runtime, "openvino": _in_openvino}
)
"""By the name of the engine, the fastest first: takes the file, a number of threads and a precision."""
