"""Compiling a bundle's inference.yaml and weights to a pipeline, which is compared with PyTorch before it is kept."""

from __future__ import annotations

import importlib.metadata
import io
import logging
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from monai_lungxfer.inference.engines.compiled_engine import INPUTS, OUTPUTS, CompiledEngine
from monai_lungxfer.inference.engines.engine import Engine, Maps
from monai_lungxfer.inference.engines.pipeline_file import (
    Pipeline,
    cached_pipeline,
    configuration_sha256,
    find_pipeline,
    pipeline_beside,
    read_pipeline,
)
from monai_lungxfer.inference.engines.pipeline_module import PipelineModule
from monai_lungxfer.inference.engines.pipeline_settings import PipelineSettings
from monai_lungxfer.inference.engines.pipeline_weights import place_weights
from monai_lungxfer.inference.engines.probe import probe_image, summary
from monai_lungxfer.inference.engines.recipe import read_recipe
from monai_lungxfer.inference.engines.torch_engine import TorchEngine
from monai_lungxfer.io.channels import count_planes, select_planes
from monai_lungxfer.io.orientation import AS_STORED, UPSIDE_DOWN, Turn
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.synthetic.brain import brain_slice
from monai_lungxfer.synthetic.chest import portable_radiograph
from monai_lungxfer.utils.errors import BundleError, OutputError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.locks import hold_lock
from monai_lungxfer.utils.temporary import lock_beside
from monai_lungxfer.weights.loading import load_weights_file

logger = logging.getLogger(__name__)

MIN_DICE = 0.999
"""Dice that the masks of a pipeline and of PyTorch must reach with each other, on every image."""

_OPSET = 18
_PACKAGES = ("torch", "onnx", "onnxruntime")

# Of the phantoms that are compared, in pixels; one has bright air, and two do not lie as they stand.
_SIZES = ((320, 290), (700, 610), (150, 190), (512, 480))
_TURNS = (AS_STORED, UPSIDE_DOWN, Turn(transpose=True), AS_STORED)
_INVERTED = 3


def compile_bundle(folder: Path, weights: Path) -> Pipeline:
    """Compile weights of a bundle, and keep the pipeline beside them, with their values in the weights file alone.

    A pipeline beside a link has them too, since runtimes read no weights from outside its folder.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle's.
    weights : pathlib.Path
        The weights file, such as its ``models/model.pt``.

    Raises
    ------
    NotCompiled
        When inference.yaml has a step that no pipeline has.
    BundleError
        When the masks of the pipeline are not PyTorch's. Nothing is kept then.
    OutputError
        When the pipeline cannot be written.
    """
    return _compile(folder, weights, pipeline_beside(weights), beside=not weights.is_symlink())


def compile_into_cache(folder: Path, weights: Path, weights_sha256: str, base: Path | None = None) -> Pipeline:
    """Compile weights from anywhere into the user's cache; another process that does the same is waited for.

    The arguments and errors are those of `compile_bundle`, with the base of an adapter.
    """
    target = cached_pipeline(weights_sha256, configuration_sha256(folder, weights))
    if target is None:
        raise OutputError("there is no home folder", remedy="Set XDG_CACHE_HOME to a folder that can be written")
    with hold_lock(lock_beside(target), "another run compiles these weights", "Wait until it has ended", wait=True):
        found = find_pipeline(folder, weights, weights_sha256)  # which that process has made
        return found or _compile(folder, weights, target, beside=False, base=base)


def compare_pipeline(folder: Path, weights: Path) -> Mapping[str, Any] | None:
    """Compare the pipeline beside weights with PyTorch anew, and return what `Pipeline.check` is.

    It is ``None`` for a pipeline of other weights or another configuration, which nothing uses. NotCompiled is raised
    when inference.yaml has a step that no pipeline has, and BundleError when it is damaged or has other masks.
    """
    pipeline = read_pipeline(pipeline_beside(weights), hash_file(weights), configuration_sha256(folder, weights))
    if pipeline is None:
        return None
    parts, *_ = read_recipe(folder, weights)
    load_weights_file(parts.network, weights)
    parts.network.eval()
    return _compared(pipeline, TorchEngine(parts))


def _compile(folder: Path, weights: Path, target: Path, *, beside: bool, base: Path | None = None) -> Pipeline:
    logger.info("Compiling %s of %s, which is done once", weights.name, folder.name)
    configuration = configuration_sha256(folder, weights)
    parts, steps, settings = read_recipe(folder, weights)
    sha256 = load_weights_file(parts.network, weights, base)
    parts.network.eval()
    module = PipelineModule(parts.network, steps).eval()
    planes = count_planes(settings.channels)
    with torch.no_grad():
        expected = module(torch.from_numpy(probe_image(planes)), torch.tensor(data=False))
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    content = _exported(module, planes)
    place_weights(content, weights, beside=beside)
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.SerializeToString())
        made = Pipeline(temporary, settings, sha256, configuration, summary(expected[1].numpy()), {}, versions)
        check = _compared(made, TorchEngine(parts))
        if (hash_file(weights), configuration_sha256(folder, weights)) != (sha256, configuration):
            raise BundleError(
                "the weights or inference.yaml were replaced meanwhile", source=weights, remedy="Compile them again"
            )
    made = replace(made, file=target, check=check)
    made.save_description()
    return made


def _exported(module: PipelineModule, planes: int) -> onnx.ModelProto:
    written: Any = io.BytesIO()  # which it takes, whatever its annotations say
    named = dict(zip(INPUTS, ({2: "height", 3: "width"}, {}), strict=True)) | {OUTPUTS[0]: {2: "height", 3: "width"}}
    if not module.steps.has_one_size:
        named |= {name: {2: "rows", 3: "columns"} for name in OUTPUTS[1:3]}
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of this exporter's age; the other one needs onnxscript
        torch.onnx.export(
            module,
            (torch.from_numpy(probe_image(planes)), torch.tensor(data=True)),
            written,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=named,
            training=torch.onnx.TrainingMode.PRESERVE,  # or it would mix batch norms into the stored weights
            do_constant_folding=False,
        )
    return onnx.load_from_string(written.getvalue())


def _compared(pipeline: Pipeline, reference: TorchEngine) -> dict[str, Any]:
    """Compare masks and probabilities on phantoms of several sizes, with dark and bright air, and turned."""
    engine = CompiledEngine("onnx", pipeline, pipeline.settings)
    radiographs = [_phantom(number, pipeline.settings) for number in range(len(_SIZES))]
    lowest, largest = 1.0, 0.0
    for radiograph in radiographs:
        one, other = (_segmented(each, radiograph) for each in (engine, reference))
        lowest = min(lowest, _dice(one.raw, other.raw), _dice(one.mask, other.mask))
        largest = max(largest, float(np.abs(one.probability - other.probability).max()))
    if not lowest >= MIN_DICE:
        raise BundleError(
            f"masks of the compiled pipeline reach a Dice of {lowest:.4f} with PyTorch's, not {MIN_DICE}",
            remedy=f"Use --engine torch with these weights; made with {pipeline.versions}",
        )
    return {"images": len(radiographs), "lowest_dice": lowest, "largest_difference": largest}


def _segmented(engine: Engine, radiograph: Radiograph) -> Maps:
    image = engine.look(radiograph).image
    (answer,) = engine.infer([image])
    return engine.finish(image, answer, (radiograph.pixels.shape[-2], radiograph.pixels.shape[-1]))


def _dice(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    together = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / together if together else 1.0


def _phantom(number: int, settings: PipelineSettings) -> Radiograph:
    random, (height, width) = np.random.default_rng(number), _SIZES[number]
    if settings.channels == "grey":
        pixels = portable_radiograph(random, height, width, "normal")[0]
    else:
        pixels = brain_slice(random, height)[0]
    pixels = np.ascontiguousarray(select_planes(pixels, settings.channels))
    return Radiograph(255 - pixels if number == _INVERTED else pixels, "array", turn=_TURNS[number])
