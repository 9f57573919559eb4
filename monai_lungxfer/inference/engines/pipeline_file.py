"""The compiled pipeline of a bundle's weights: which files it consists of, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import INFERENCE
from monai_lungxfer.inference.engines.pipeline_settings import PipelineSettings
from monai_lungxfer.networks.sizing import SQUARE
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.json_files import load_json
from monai_lungxfer.weights.sidecar import read_sidecar

FORMAT = "monai_lungxfer pipeline 2"

logger = logging.getLogger(__name__)

_REMEDY = "Make it again (lungxfer bundles compile)"


@dataclass(frozen=True)
class Pipeline:
    """A compiled pipeline and what is known of it.

    Attributes
    ----------
    file : pathlib.Path
        The ONNX file. Its weights are in it, or it says where they lie in the weights file beside it.
    settings : PipelineSettings
        By the inference.yaml that it was compiled from.
    weights_sha256, configuration_sha256 : str
        Of the weights file, and see `configuration_sha256`.
    probe : list of float
        What the network says of `monai_lungxfer.inference.engines.probe.probe_image`, in PyTorch.
    check : dict
        How its masks compared with PyTorch's: number of images, lowest Dice, largest difference of a probability.
    versions : dict
        Of the packages that made it.
    """

    file: Path
    settings: PipelineSettings
    weights_sha256: str
    configuration_sha256: str
    probe: list[float]
    check: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def save_description(self) -> None:
        """Write the JSON file beside the ONNX file, with hashes of both; OutputError is raised when it cannot be."""
        content = asdict(self) | {"format": FORMAT, "file": self.file.name, "onnx_sha256": hash_file(self.file)}
        content["description_sha256"] = _description_sha256(content)
        with atomic_path(beside_pipeline(self.file)) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def pipeline_beside(weights: Path) -> Path:
    """Return where the pipeline of a weights file lies when it lies beside it: ``model.pipeline.onnx``."""
    return weights.with_suffix(".pipeline.onnx")


def beside_pipeline(file: Path) -> Path:
    """Return the JSON file that tells of a pipeline's ONNX file."""
    return file.with_suffix(".json")


def cached_pipeline(weights_sha256: str, configuration_sha256: str) -> Path | None:
    """Return where the pipeline of weights from anywhere is kept: below ``$XDG_CACHE_HOME`` or ``~/.cache``.

    It is ``None`` for a user without a home folder, such as a container's that is known by its number alone.
    """
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:
        return None
    return cache / "monai_lungxfer" / "pipelines" / f"{weights_sha256[:32]}-{configuration_sha256[:16]}.onnx"


def configuration_sha256(folder: Path, weights: Path) -> str:
    """Return the SHA-256 of what is built around weights: a bundle's inference.yaml, and the sidecar that it follows.

    TransferError is raised when the sidecar is damaged.
    """
    sidecar = read_sidecar(weights)
    followed = [hash_file(folder / INFERENCE), sidecar.image_size, sidecar.network]
    followed += [] if sidecar.sizing == SQUARE else [sidecar.sizing]
    followed += filter(None, [sidecar.channels])
    followed += [] if sidecar.base is None else [sidecar.base.sha256]
    return hashlib.sha256(json.dumps(followed, sort_keys=True).encode()).hexdigest()


def _description_sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_pipeline(file: Path, weights_sha256: str, configuration: str) -> Pipeline | None:
    """Read what is told of a pipeline; ``None`` when there is none for these weights and this configuration.

    A BundleError is raised when it is damaged.
    """
    if not (file.is_file() and beside_pipeline(file).is_file()):
        return None
    try:
        content = load_json(beside_pipeline(file))
        if content["format"] != FORMAT or content["file"] != file.name:  # renamed, and so are the weights it names
            return None
        is_whole = content.pop("description_sha256") == _description_sha256(content)
        del content["format"]
        sha256 = content.pop("onnx_sha256")
        told = content.pop("settings")
        settings = PipelineSettings(**{**told, "image_size": tuple(told["image_size"]), "open": tuple(told["open"])})
        pipeline = Pipeline(**{**content, "file": file, "settings": settings})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError("it cannot be read", source=beside_pipeline(file), remedy=_REMEDY) from error
    if not is_whole:
        raise BundleError("it is damaged", source=beside_pipeline(file), remedy=_REMEDY)
    if (pipeline.weights_sha256, pipeline.configuration_sha256) != (weights_sha256, configuration):
        return None
    if hash_file(file) != sha256:
        raise BundleError("it is damaged", source=file, remedy=_REMEDY)
    return pipeline


def find_pipeline(folder: Path, weights: Path, weights_sha256: str) -> Pipeline | None:
    """Return the pipeline of weights and of a bundle's inference.yaml, beside the weights or in the user's cache.

    A damaged one is passed over, and the log says so.
    """
    configuration = configuration_sha256(folder, weights)
    for file in filter(None, (pipeline_beside(weights), cached_pipeline(weights_sha256, configuration))):
        try:
            if (found := read_pipeline(file, weights_sha256, configuration)) is not None:
                return found
        except BundleError as error:
            logger.warning("%s", error)
        except OSError as error:  # no permission
            logger.warning("%s cannot be read (%s)", file, error.strerror)
    return None
