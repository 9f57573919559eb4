"""How the network of a bundle is written in other formats, and which these are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from monai.bundle import ConfigParser, ckpt_export, onnx_export

from monai_lungxfer.bundle.files import INFERENCE, METADATA, WEIGHTS
from monai_lungxfer.bundle.workflow import bundle_config, bundle_workflow
from monai_lungxfer.export.description import explain_onnx
from monai_lungxfer.export.loading import FILES, LOADERS, Network
from monai_lungxfer.utils.temporary import scratch_folder
from monai_lungxfer.weights.architecture import bundle_network_def
from monai_lungxfer.weights.loading import load_weights
from monai_lungxfer.weights.sidecar import input_size, read_sidecar


@dataclass(frozen=True)
class ExportFormat:
    """One format: its file, what it needs, how it is written and how it is run.

    Attributes
    ----------
    file : str
        Name in the bundle's folder `models`.
    packages : tuple of str
        Importable packages that write or run it; their versions go into the manifest.
    write : callable
        Takes the bundle's folder and the file.
    load : callable
        Takes the file, gives a function from images (N, C, H, W) to logits (N, 1, H, W), both float32.
    """

    file: str
    packages: tuple[str, ...]
    write: Callable[[Path, Path], None]
    load: Callable[[Path], Network]


def _shared(bundle: Path) -> dict[str, Any]:
    """Return what both of MONAI's exports take; the network of an adapter has its base's weights already."""
    network_def: Any = bundle_network_def(bundle)
    if read_sidecar(bundle / WEIGHTS).base is not None:
        network_def = build_network(bundle, parse_inference(bundle))
    return {
        "net_id": "network_def",
        "ckpt_file": str(bundle / WEIGHTS),
        "meta_file": str(bundle / METADATA),
        "config_file": str(bundle / INFERENCE),
        "bundle_root": str(bundle),
        "key_in_ckpt": "",
        "network_def": network_def,
    }


def parse_inference(bundle: Path) -> ConfigParser:
    """Return a bundle's inference.yaml for the processor, with the network of its weights."""
    settings = {"device": torch.device("cpu"), "network_def": bundle_network_def(bundle)}
    return bundle_workflow(bundle, "inference", settings).parser


def build_network(bundle: Path, parser: ConfigParser) -> torch.nn.Module:
    """Return the network of a bundle's weights with these, and with its base where they are an adapter."""
    network: torch.nn.Module = parser.get_parsed_content("adapted")
    load_weights(network, bundle / WEIGHTS)
    return network.eval()


def _write_torchscript(bundle: Path, file: Path) -> None:
    # The file holds inference.yaml, which has to name the network of these weights, since transforms follow it.
    config = bundle_config(bundle, "inference") | {"network_def": bundle_network_def(bundle)}
    with scratch_folder() as folder:
        followed = folder / INFERENCE.with_suffix(".json").name
        followed.write_text(json.dumps(config), encoding="utf-8")
        ckpt_export(filepath=str(file), **{**_shared(bundle), "config_file": str(followed)})


def _write_onnx(bundle: Path, file: Path) -> None:
    onnx_export(
        filepath=str(file),
        input_shape=[1, bundle_network_def(bundle).get("in_channels", 3), *input_size(bundle / WEIGHTS)],
        use_trace=True,
        converter_kwargs={
            "dynamo": False,  # which needs onnxscript
            "input_names": ["image"],
            "output_names": ["pred"],
            "dynamic_axes": {name: {0: "batch", 2: "height", 3: "width"} for name in ("image", "pred")},
        },
        **_shared(bundle),
    )
    explain_onnx(file, bundle, parse_inference(bundle))


def _write_openvino(bundle: Path, file: Path) -> None:
    import openvino

    with scratch_folder() as folder:
        onnx = folder / "model.onnx"
        _write_onnx(bundle, onnx)
        # With the weights in the file model.bin beside it; in float16, masks would differ.
        openvino.save_model(openvino.convert_model(onnx), file, compress_to_fp16=False)


_WRITERS = {
    "torchscript": (("torch", "monai"), _write_torchscript),
    "onnx": (("torch", "onnx", "onnxruntime"), _write_onnx),
    "openvino": (("onnx", "openvino"), _write_openvino),
}
EXPORT_FORMATS: Mapping[str, ExportFormat] = MappingProxyType(
    {name: ExportFormat(FILES[name], *written, LOADERS[name]) for name, written in _WRITERS.items()}
)
"""By name. TorchScript's file holds inference.yaml and metadata.json as well, as MONAI Deploy reads them."""
