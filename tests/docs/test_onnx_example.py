"""The program of docs/bundles.md that needs only the ONNX file, as it stands there, against `lungxfer predict`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source_tree import REPOSITORY

from monai_lungxfer.bundle.files import export_bundle
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.synthetic.chest import chest_radiograph

PAGE = REPOSITORY / "docs" / "bundles.md"
MIN_DICE = 0.999
NOT_NEEDED = ("torch", "monai", "scipy", "monai_lungxfer")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = export_bundle("portable", tmp_path_factory.mktemp("onnx"))
    export_formats(folder, ["onnx"])
    return folder


@pytest.fixture(scope="module")
def segmenter(bundle: Path) -> Segmenter:
    """The masks as the network draws them."""
    return Segmenter.from_bundle(bundle, device="cpu", overrides={"clean": False})


def run_example(bundle: Path, radiograph: Path, folder: Path) -> np.ndarray:
    """Run the page's program in a process of its own; it must not need this package's libraries."""
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    (folder / "model.onnx").symlink_to(bundle / "models" / "model.onnx")
    Image.open(radiograph).convert("L").save(folder / "radiograph.png")
    program += f"\nimport sys\nassert not sys.modules.keys() & {set(NOT_NEEDED)!r}\n"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return np.asarray(Image.open(folder / "mask.png")) == 255


def dice(mask: np.ndarray, other: np.ndarray) -> float:
    return 2 * np.sum(mask & other) / (np.sum(mask) + np.sum(other))


def test_a_phantom(bundle: Path, segmenter: Segmenter, tmp_path: Path) -> None:
    pixels, _ = chest_radiograph(np.random.default_rng(3), 500, 420, "normal")
    Image.fromarray(pixels).save(tmp_path / "phantom.png")
    made = run_example(bundle, tmp_path / "phantom.png", tmp_path)
    expected = segmenter.segment_file(tmp_path / "radiograph.png").mask > 0
    assert expected.any()
    assert dice(made, expected) >= MIN_DICE


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_real_radiographs(bundle: Path, segmenter: Segmenter, shared_data: Path, tmp_path: Path, number: int) -> None:
    records = json.loads((shared_data / "native" / "datalist.json").read_text())
    made = run_example(bundle, shared_data / "native" / records[number]["image"], tmp_path)
    expected = segmenter.segment_file(tmp_path / "radiograph.png").mask > 0
    assert dice(made, expected) >= MIN_DICE
