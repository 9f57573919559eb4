"""Scales and offsets of grey values that float32 is too coarse for, and what a runtime prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiled_bundle import compiled_bundle, phantom

from monai_lungxfer.inference.engines.compiled_engine import RUNTIMES, CompiledEngine
from monai_lungxfer.inference.engines.pipeline_file import Pipeline
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pipeline]:
    return compiled_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def segmenter(made: tuple[Path, Pipeline]) -> Segmenter:
    return Segmenter.from_bundle(made[0], engine="onnx")


@pytest.mark.parametrize(("scale", "offset"), [(1e20, 0), (1e34, 0), (1e-30, 0), (1, 2.0**23), (1, -(2.0**23))])
def test_masks_do_not_depend_on_the_scale(segmenter: Segmenter, scale: float, offset: float) -> None:
    pixels = np.rint(phantom().pixels).astype(np.float64)
    plain, other = (
        segmenter.segment(Radiograph(each.astype(np.float32), "array")).raw
        for each in (pixels, pixels * scale + offset)
    )
    assert isinstance(segmenter.engine, CompiledEngine)
    assert 0.1 < plain.mean() < 0.9
    assert 2 * np.count_nonzero(plain & other) >= 0.9999 * (np.count_nonzero(plain) + np.count_nonzero(other))


def test_an_error_of_onnx_runtime_is_raised_and_not_printed(
    made: tuple[Path, Pipeline], capfd: pytest.CaptureFixture[str]
) -> None:
    run = RUNTIMES["onnx"](made[1].file, 1, "float32")
    with pytest.raises(Exception, match="Non-zero status code"):
        run(np.zeros((1, 1, 0, 5), np.float32), np.array(1, bool))
    assert capfd.readouterr().err == ""
