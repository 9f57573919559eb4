"""How far masks agree: images that stand twice in a data set, and weights with each other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from measure_agreement import print_annotators, print_networks
from PIL import Image

from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.synthetic.phantoms import write_phantoms


def test_an_image_that_was_drawn_twice_is_found_and_its_masks_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_phantoms(tmp_path, donor=0, general=12, portable=0, size=96) / "general"
    records = json.loads((data / "datalist.json").read_text())
    mask = np.asarray(Image.open(data / records[0]["label"]).convert("L")) > 0
    half = mask.copy()
    half[:, : mask.shape[1] // 2] = False  # a second annotator forgets one lung
    Image.fromarray(half).save(data / "again_mask.png")
    image = Image.open(data / records[0]["image"]).convert("L")
    Image.fromarray((np.asarray(image) * 0.8).astype(np.uint8)).save(data / "again.png")  # of another brightness
    again = {**records[0], "image": "again.png", "label": "again_mask.png"}
    (data / "datalist.json").write_text(json.dumps([*records, again]))
    print_annotators([data])
    (told,) = capsys.readouterr().out.splitlines()
    assert told.startswith(f"{Path(records[0]['image']).name}, again.png: correlation")
    assert float(told.split()[3].rstrip(",")) > 0.99
    expected = 2 * half.sum() / (half.sum() + mask.sum())
    assert float(told.split()[-1]) == pytest.approx(expected, abs=0.01)


def test_weights_agree_with_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_phantoms(tmp_path, donor=0, general=0, portable=12, size=96) / "portable"
    ensure_split(data, tmp_path / "split.json", seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.5)
    print_networks(tmp_path / "split.json", data, ["portable", "portable_cxr_lung_segmentation", "general"])
    lines = capsys.readouterr().out.splitlines()
    agreement = {line.partition(":")[0]: float(line.split()[-5]) for line in lines if "±" in line}
    assert len(agreement) == 6
    assert agreement["portable with portable_cxr_lung_segmentation"] == 1
    assert 0.5 < agreement["portable with general"] < 1
