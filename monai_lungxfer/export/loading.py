"""Running a bundle's network in another runtime, in float32 as it was compared with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.export.manifest import checked_formats
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.extras import import_extra

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From images (N, C, H, W), with the channels that the network has, to logits (N, 1, H, W), both float32."""

FILES: Mapping[str, str] = MappingProxyType({"torchscript": "model.ts", "onnx": "model.onnx", "openvino": "model.xml"})
"""The file of each format in a bundle's folder `models`; OpenVINO keeps the weights next to it, in `model.bin`."""

SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "openvino": {
            "device": "CPU",
            "config": {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"},
        }
    }
)
"""What a runtime must be told to compute in float32, where it does not by itself; the manifest says so as `load`.

OpenVINO computes in bfloat16 on processors that have it, unless it is told otherwise.
"""


def _load_torchscript(file: Path) -> Network:
    network = torch.jit.load(file, map_location="cpu").eval()
    return lambda images: network(torch.from_numpy(images)).detach().numpy()


def _load_onnx(file: Path) -> Network:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["pred"], {"image": images})[0]


def _load_openvino(file: Path) -> Network:
    told, core = SETTINGS["openvino"], import_extra("openvino").Core()
    compiled = core.compile_model(file, told["device"], dict(told["config"]))
    return lambda images: compiled(images)[0]


LOADERS: Mapping[str, Callable[[Path], Network]] = MappingProxyType(
    {"torchscript": _load_torchscript, "onnx": _load_onnx, "openvino": _load_openvino}
)
"""By format, a function from its file to the network."""


def load_exported(bundle: str | Path, name: str) -> Network:
    """Load a bundle's network in another format, to be run on the processor in float32.

    Parameters
    ----------
    bundle : str or pathlib.Path
        The bundle's folder, or a name of one.
    name : {"torchscript", "onnx", "openvino"}
        A format that `monai_lungxfer.export.formats.export_formats` has written into the bundle.

    Returns
    -------
    callable
        Takes prepared images (N, C, H, W), float32, with sides that are multiples of the network's
        stride, as the bundle's `inference.yaml` prepares them; gives logits (N, 1, H, W), float32.

    Raises
    ------
    BundleError
        When the bundle has no such format, its files are not as the manifest tells, or they were made from other
        weights than those of the bundle.
    LungXferError
        When the format's package is not installed.

    Examples
    --------
    >>> network = load_exported("mine/portable_cxr_lung_segmentation", "openvino")  # doctest: +SKIP
    >>> lung = network(images) >= 0  # doctest: +SKIP
    """
    folder = bundle_path(bundle)
    formats = checked_formats(folder)
    if name not in formats or name not in LOADERS:
        raise BundleError(
            f"has no format {name!r}, only {', '.join(formats)}",
            source=folder,
            remedy=f"Add it: lungxfer bundles export NAME --out DIR --format {name}",
        )
    return LOADERS[name](folder / WEIGHTS.parent / FILES[name])
