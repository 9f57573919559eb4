"""Which engine does the work, and what is said where it is not the one that was asked for."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from compiled_bundle import NETWORK, compiled_bundle, phantom, small_bundle

from monai_lungxfer.bundle.files import INFERENCE, WEIGHTS
from monai_lungxfer.inference.engines import choice
from monai_lungxfer.inference.engines.pipeline_file import beside_pipeline, pipeline_beside
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.errors import BundleError, LungXferError
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_bundle(tmp_path_factory.mktemp("made"))[0]


@pytest.fixture
def bundle(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return shutil.copytree(made, tmp_path / made.name)


def _said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_a_name_that_is_none() -> None:
    with pytest.raises(LungXferError, match=r"no engine 'tensorrt'.*auto, torch, onnx, openvino"):
        Segmenter.from_bundle(engine="tensorrt")


def test_auto_takes_the_pipeline_that_is_there(bundle: Path) -> None:
    assert Segmenter.from_bundle(bundle).engine.name == "onnx"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"overrides": {"image_size": [64, 64]}}, "image_size was replaced"),
        ({"device": "cpu:0"}, "the device is cpu:0"),
        ({"overrides": {"precision": "float16"}}, "precision was replaced"),
        ({"overrides": {"threshold": "$0.2 + 0.2"}}, "threshold was replaced by an expression"),
    ],
)
def test_pytorch_does_what_a_pipeline_cannot(
    bundle: Path, caplog: pytest.LogCaptureFixture, given: dict, told: str
) -> None:
    with caplog.at_level(logging.INFO):
        assert Segmenter.from_bundle(bundle, engine="onnx", **given).engine.name == "torch"
    assert f"The engine is torch: {told}" in _said(caplog).replace("compiled pipelines run on the processor, and ", "")


def test_new_weights_or_another_configuration_are_not_served_by_the_old_pipeline(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        (bundle / INFERENCE).write_text((bundle / INFERENCE).read_text().replace("threshold: 0.5", "threshold: 0.6"))
        assert Segmenter.from_bundle(bundle).engine.name == "torch"
    assert "no pipeline was compiled from these weights" in _said(caplog)
    weights = torch.load(bundle / WEIGHTS)
    weights["conv.bias"] += 1
    torch.save(weights, bundle / WEIGHTS)
    assert Segmenter.from_bundle(bundle).engine.name == "torch"


def test_a_renamed_pipeline_does_not_read_the_weights_of_its_old_name(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    best = bundle / "models" / "best.pt"
    shutil.copy(bundle / WEIGHTS, best)
    for name in (pipeline_beside, lambda weights: beside_pipeline(pipeline_beside(weights))):
        shutil.copy(name(bundle / WEIGHTS), name(best))
    shutil.copy((bundle / WEIGHTS).with_suffix(".json"), best.with_suffix(".json"))
    with caplog.at_level(logging.INFO):
        assert Segmenter.from_bundle(bundle, weights=best).engine.name == "torch"
    assert "no pipeline was compiled from these weights" in _said(caplog)


def test_another_input_size_beside_the_weights_is_followed(bundle: Path) -> None:
    save_sidecar(bundle / WEIGHTS, Sidecar([64, 96], NETWORK))
    segmenter = Segmenter.from_bundle(bundle)
    assert segmenter.engine.name == "torch"
    assert segmenter.prepare(phantom()).image.shape == (3, 64, 96)
    Segmenter.from_bundle(bundle, engine="onnx")  # which compiles it, into the cache
    assert Segmenter.from_bundle(bundle).prepare(phantom()).image.picture.shape == (64, 96)
    save_sidecar(bundle / WEIGHTS, Sidecar([96, 96], NETWORK))
    assert Segmenter.from_bundle(bundle).prepare(phantom()).image.picture.shape == (96, 96)


@pytest.mark.parametrize("harm", ["file", "description", "value", "gone"])
def test_a_damaged_pipeline_is_told_and_passed_over(bundle: Path, caplog: pytest.LogCaptureFixture, harm: str) -> None:
    expected = Segmenter.from_bundle(bundle, engine="torch", device="cpu").segment(phantom()).mask
    file = pipeline_beside(bundle / WEIGHTS)
    if harm == "file":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif harm == "description":
        beside_pipeline(file).write_text("{")
    elif harm == "value":
        description = beside_pipeline(file).read_text()
        beside_pipeline(file).write_text(description.replace('"threshold": 0.5', '"threshold": 0.7'))
    else:
        file.unlink()
    segmenter = Segmenter.from_bundle(bundle)
    assert segmenter.engine.name == "torch"
    assert np.array_equal(segmenter.segment(phantom()).mask, expected)
    assert ("lungxfer bundles compile" in _said(caplog)) == (harm != "gone")
    again = Segmenter.from_bundle(bundle, engine="onnx")  # which compiles it anew, into the cache
    assert again.engine.name == "onnx"


def test_a_processor_that_computes_something_else(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = choice.RUNTIMES["onnx"]

    def wrong(*given: object) -> object:
        run = real(*given)
        return lambda *image: [found + 0.2 if number == 1 else found for number, found in enumerate(run(*image))]

    monkeypatch.setattr("monai_lungxfer.inference.engines.compiled_engine.RUNTIMES", {**choice.RUNTIMES, "onnx": wrong})
    with pytest.raises(LungXferError, match="computes another result here"):
        Segmenter.from_bundle(bundle, engine="onnx")
    monkeypatch.setattr(choice, "RUNTIMES", {"onnx": wrong})
    assert Segmenter.from_bundle(bundle).engine.name == "torch"


@pytest.mark.parametrize("value", [0, 1.5, "0.5", True])
def test_values_that_a_setting_cannot_have(bundle: Path, value: object) -> None:
    with pytest.raises(BundleError, match="threshold would be"):
        Segmenter.from_bundle(bundle, engine="onnx", overrides={"threshold": value})


def test_a_number_of_numpy_is_a_number(bundle: Path) -> None:
    segmenter = Segmenter.from_bundle(bundle, engine="onnx", overrides={"threshold": np.float64(0.4)})
    found = segmenter.segment(phantom())
    assert np.array_equal(found.raw, found.probability >= 0.4)


def test_two_first_uses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = small_bundle(tmp_path)
    program = "import sys, monai_lungxfer; monai_lungxfer.Segmenter.from_bundle(sys.argv[1], engine='onnx')"
    command = [sys.executable, "-c", program, str(bundle)]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: subprocess.run(command, capture_output=True, check=False), range(2)))
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    names = sorted(file.suffix for file in (tmp_path / "cache" / "monai_lungxfer" / "pipelines").iterdir())
    assert names == [".json", ".onnx"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert Segmenter.from_bundle(small_bundle(tmp_path), engine="onnx").engine.name == "torch"


def test_a_cache_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = small_bundle(tmp_path)
    assert Segmenter.from_bundle(bundle, engine="onnx").engine.name == "torch"
    assert "cannot be kept" in _said(caplog)


def test_a_user_without_a_home(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def expand(path: Path) -> Path:  # as Python does for a user that the system does not know
        if path.parts[0] == "~":
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "expanduser", expand)
    own = small_bundle(tmp_path / "own")
    assert Segmenter.from_bundle(bundle).engine.name == "onnx"
    assert Segmenter.from_bundle(own, engine="onnx").engine.name == "torch"
    assert "cannot be kept (there is no home folder)" in _said(caplog)


def test_without_pytorch_the_error_says_what_to_install(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else real(name, *rest))
    with pytest.raises(LungXferError, match=r'image_size was replaced.*pip install "monai_lungxfer\[train\]"'):
        Segmenter.from_bundle(bundle, overrides={"image_size": [64, 64]})


def test_fast_is_bfloat16_where_the_processor_can(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choice, "has_bfloat16", lambda: False)
    usual = Segmenter.from_bundle(bundle, fast=True)
    assert (usual.engine.name, usual.identity.overrides) == ("onnx", ())
    assert "this processor has no bfloat16" in _said(caplog)
    monkeypatch.undo()
    if choice.has_bfloat16():
        fast = Segmenter.from_bundle(bundle, fast=True)
        assert (fast.engine.name, fast.identity.overrides) == ("openvino", ("precision=bfloat16",))
        one, other = (segmenter.segment(phantom()) for segmenter in (fast, usual))
        assert 0 < np.abs(one.probability - other.probability).max() < 0.5


@pytest.mark.parametrize("given", [{"engine": "onnx"}, {"overrides": {"precision": "float32"}}])
def test_fast_and_another_precision_exclude_each_other(bundle: Path, given: dict) -> None:
    with pytest.raises(LungXferError, match="another engine or precision was asked for"):
        Segmenter.from_bundle(bundle, fast=True, **given)
