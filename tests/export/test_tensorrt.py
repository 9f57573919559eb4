"""The overlay for TensorRT, up to TensorRT itself, which needs a GPU."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from monai.handlers import TrtHandler
from monai.networks.trt_compiler import TrtCompiler

from monai_lungxfer.bundle.files import WEIGHTS, bundle_names, bundle_path
from monai_lungxfer.bundle.workflow import bundle_workflow, run_bundle
from monai_lungxfer.export import tensorrt
from monai_lungxfer.export.tensorrt import PACKAGES, check_tensorrt, engine_path
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import BundleError

absent = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is not None or torch.cuda.is_available(), reason="TensorRT or a GPU is here"
)


def settings(folder: Path) -> dict[str, Any]:
    return {"output_dir": str(folder), "images": ["a.png"], "device": torch.device("cpu"), "batch_size": 2}


@pytest.mark.parametrize("name", bundle_names())
def test_the_overlay_resolves_up_to_the_handler(name: str, tmp_path: Path) -> None:
    parser = bundle_workflow(name, "inference_trt", settings(tmp_path)).parser
    handler = parser.get_parsed_content("handlers")[-1]
    assert isinstance(handler, TrtHandler)
    assert handler.model is parser.get_parsed_content("network")
    assert Path(handler.base_path).parent == tmp_path
    assert handler.args == {"precision": "fp16", "dynamic_batchsize": [1, 2, 2], "export_args": {"dynamo": False}}
    inferer = parser.get_parsed_content("inferer")
    assert (inferer.precision, inferer.channels_last) == ("float32", False)
    assert parser.get_parsed_content("evaluator").network is handler.model


@absent
def test_without_tensorrt_it_says_so_before_it_predicts(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"inference_trt\.yaml: TensorRT needs tensorrt, .*leave this overlay out"):
        run_bundle("portable", "inference_trt", settings(tmp_path))


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt, "PACKAGES", {"torch": "torch"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BundleError, match="needs an NVIDIA GPU"):
        check_tensorrt()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_tensorrt()


def test_the_packages_are_those_that_monai_imports() -> None:
    source = Path(importlib.util.find_spec("monai.networks.trt_compiler").origin).read_text()  # type: ignore
    imported = set(re.findall(r'optional_import\("([\w.]+)"', source))
    # Of another method, and of old versions; the ONNX model is made elsewhere.
    assert imported - {"torch_tensorrt", "cuda.cudart"} == set(PACKAGES) - {"onnx"}


def test_another_engine_for_other_weights_and_settings(tmp_path: Path) -> None:
    shipped = [bundle_path(name) / WEIGHTS for name in bundle_names()]
    paths = [engine_path(tmp_path / "new", file, [128, 128], 1) for file in shipped]
    paths += [engine_path(tmp_path / "new", shipped[0], [256, 256], 1), engine_path(tmp_path / "new", shipped[0])]
    assert len(set(paths)) == 5
    assert engine_path(tmp_path / "new", "donor", [128, 128], 1) == paths[0]
    assert (tmp_path / "new").is_dir()


def test_what_tensorrt_is_given_computes_the_same(tmp_path: Path) -> None:
    """MONAI's own way to the engine, with ONNX Runtime in the place of TensorRT."""
    args = bundle_workflow("portable", "inference_trt", settings(tmp_path)).parser.get_parsed_content("trt_args")
    torch.manual_seed(0)
    network, images = DonorUNet(init_features=4).eval(), torch.rand(2, 3, 32, 48)
    compiler = TrtCompiler(network, str(tmp_path / "a.plan"), **args)
    compiler._onnx_to_trt = lambda path: Path(path).read_bytes()
    compiler._build_and_save(network, {"image": images})
    session = onnxruntime.InferenceSession(tmp_path / "a.plan", providers=["CPUExecutionProvider"])
    for batch in (images, images[:1]):
        (given,) = session.run(None, {"image": batch.numpy()})
        np.testing.assert_allclose(given, network(batch).detach().numpy(), rtol=1e-3, atol=1e-4)
