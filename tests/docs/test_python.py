"""The examples of docs/python.md run as they stand, on a phantom and on a real radiograph."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import as_dicom, write
from PIL import Image

import monai_lungxfer as lx
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.synthetic.chest import chest_radiograph

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def real(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    record = json.loads((folder / "datalist.json").read_text())[0]
    return lx.read_radiograph(folder / record["image"]).pixels.astype(np.uint8), lx.read_mask(folder / record["label"])


@pytest.mark.parametrize("kind", ["phantom", "real"])
def test_the_examples_run(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    pytest.importorskip("highdicom")
    if kind == "real":
        image, label = real(request.getfixturevalue("shared_data") / "native")
    else:
        image, label = chest_radiograph(np.random.default_rng(0), 300, 250, "normal")
    write(tmp_path / "radiograph.dcm", as_dicom(image, "MONOCHROME2"))
    save_mask(tmp_path / "label.png", label)
    (tmp_path / "radiographs").mkdir()
    Image.fromarray(image).save(tmp_path / "radiographs" / "a.png")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(examples) == 5
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    assert (tmp_path / "radiograph_mask.dcm").is_file()
    assert (tmp_path / "masks" / "predictions.csv").is_file()
    assert names["loss"].isfinite()
    if kind == "real":
        assert names["scores"]["DICE"] > 0.9
