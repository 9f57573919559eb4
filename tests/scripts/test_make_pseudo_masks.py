"""Soft pseudo-masks are the mean of all teachers and views, and keep what must be ignored."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from make_pseudo_masks import bend, make_pseudo_masks
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.io.radiograph import Radiograph

PIXELS = np.linspace(10, 210, 40 * 50).reshape(40, 50).astype(np.uint8)


class Teacher:
    """Says that lung is where pixels are bright, as a share of 255."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def segment(self, radiograph: Radiograph) -> SimpleNamespace:
        return SimpleNamespace(probability=self.factor * radiograph.pixels / 255)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "data" / "a.png")
    Image.fromarray(255 * (PIXELS > 200).astype(np.uint8)).save(tmp_path / "data" / "a_ignore.png")
    (tmp_path / "data" / "b.png").write_bytes(b"no picture")
    records = [
        {"image": "a.png", "patient": "one", "view": "AP", "ignore": "a_ignore.png"},
        {"image": "b.png", "patient": "two"},
    ]
    (tmp_path / "data" / "datalist.json").write_text(json.dumps(records))
    return tmp_path


def test_views_are_bent_between_the_lowest_and_the_highest_value() -> None:
    radiograph = Radiograph(np.array([[10, 60, 210]], np.float32), "png")
    assert bend(radiograph, 2).pixels.tolist() == [[10, 10 + 200 * 0.25**2, 210]]
    assert bend(radiograph, 1) is radiograph
    flat = Radiograph(np.full((2, 2), 7, np.float32), "png")
    assert bend(flat, 2) is flat


def test_the_mean_of_teachers_and_views_is_kept_and_damaged_files_are_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = load_datalist(folder / "data", labels_required=False)
    (folder / "out").mkdir()
    with caplog.at_level(logging.ERROR):
        made, left_out = make_pseudo_masks(records, [Teacher(1.0), Teacher(0.5)], [1.0, 2.0], folder / "out")
    assert (len(made), left_out) == (1, 1)
    assert "record 1 is left out" in caplog.text
    values = PIXELS.astype(np.float64)
    bent = 10 + 200 * ((values - values.min()) / 200) ** 2
    expected = np.rint(254 * 0.75 * (values + bent) / 2 / 255)
    expected[PIXELS > 200] = 255
    found = np.asarray(Image.open(made[0]["label"]))
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert {name: made[0][name] for name in ("patient", "view", "soft")} == {
        "patient": "one",
        "view": "AP",
        "soft": True,
    }
    assert "ignore" not in made[0]
