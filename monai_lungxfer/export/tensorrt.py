"""What a bundle's `inference_trt.yaml` needs: TensorRT itself, and a name for the engine that is built."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from monai.utils import optional_import

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.networks.sizing import SQUARE, UNEQUAL
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file

PACKAGES = {
    "tensorrt": "tensorrt",
    "polygraphy": "polygraphy",
    "onnx": "onnx",
    "cuda.bindings.runtime": "cuda-python",
}
"""Modules that MONAI's `trt_compile` imports, and the distributions that they come from."""


def check_tensorrt(sizing: str = SQUARE) -> None:
    """Stop where TensorRT cannot run: MONAI would go on without it, by a line in the log.

    Parameters
    ----------
    sizing : str
        See `monai_lungxfer.networks.sizing.fit_size`.

    Raises
    ------
    BundleError
        When a package or a GPU is missing, or images have different sizes: an engine is built for one.
    """
    if sizing in UNEQUAL:
        raise BundleError(
            f"with sizing {sizing}, images have different sizes, and an engine is built for one",
            source="inference_trt.yaml",
            remedy="Leave this overlay out, or use weights of the sizing square or multi",
        )
    missing = [name for module, name in PACKAGES.items() if not optional_import(module)[1]]
    if missing:
        raise BundleError(
            f"TensorRT needs {', '.join(missing)}, not installed here",
            source="inference_trt.yaml",
            remedy=f"Install it on a machine with an NVIDIA GPU (pip install {' '.join(missing)}), or leave this "
            "overlay out",
        )
    if not torch.cuda.is_available():
        raise BundleError(
            "TensorRT needs an NVIDIA GPU, and PyTorch finds none",
            source="inference_trt.yaml",
            remedy="Run it on a machine with a GPU, or leave this overlay out",
        )


def engine_path(folder: str | Path, weights: str | Path, *settings: Any) -> str:
    """Return where an engine lies, without the suffix `.plan`, and make its folder.

    An engine holds the weights, and is taken as it is when a file of its name is there. So the name changes with the
    weights and with the settings, such as the size of images.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where engines are kept.
    weights : str or pathlib.Path
        As for `monai_lungxfer.bundle.references.resolve_weights`.
    settings : Any
        What the engine is built for.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    content = f"{hash_file(resolve_weights(weights))} {settings}"
    return str(Path(folder) / f"engine-{hashlib.sha256(content.encode()).hexdigest()[:16]}")
