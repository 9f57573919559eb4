"""The tables of predictions, read back by other programs' means."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.inference.measurements import measure
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction, predictions_document, save_tables
from monai_lungxfer.utils.csv_tables import read_rows

IDENTITY = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "0123456789abcdef" * 4)


@pytest.fixture
def rows() -> list[Prediction]:
    mask = np.zeros((100, 140), np.uint8)
    mask[20:80, 20:60] = 1
    mask[25:75, 80:120] = 1
    done = Prediction(
        file="ward 3/größe, x.png",
        mask="ward 3/größe, x_mask.png",
        width=140,
        height=100,
        spacing=(0.2, 0.1),
        spacing_source="ImagerPixelSpacing",
        measurements=replace(
            measure(mask, mask * np.float32(0.8), (0.2, 0.1)), dice_expected=0.95, dice_low=0.91, dice_high=0.97
        ),
        flags=("island", "low_confidence"),
        remarks=("its window was left out", "it may be no chest: no view; no body part"),
    )
    return [done, Prediction(file="broken.dcm", status="skipped", reason="cannot be decoded. Export it again.")]


def test_names_that_are_formulas_are_text_in_the_csv(tmp_path: Path) -> None:
    names = ["=1+1.png", "+1.png", "-1.png", "@x.png", "a;=1.png", "'=1.png", "plain-1.png"]
    save_tables([Prediction(file=name, status="skipped", reason="-1") for name in names], IDENTITY, tmp_path)
    table = tmp_path / "predictions.csv"
    with table.open(encoding="utf-8", newline="") as file:
        raw = list(csv.DictReader(file))
    assert [row["file"] for row in raw] == [
        *("'=1+1.png", "'+1.png", "'-1.png", "'@x.png", "a;'=1.png", "''=1.png", "plain-1.png"),
    ]
    assert raw[0]["reason"] == "'-1"
    assert [row["file"] for row in read_rows(table)] == names
    document = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in document["predictions"]] == names


def test_csv(rows: list[Prediction], tmp_path: Path) -> None:
    save_tables(rows, IDENTITY, tmp_path / "new" / "folder")
    with (tmp_path / "new" / "folder" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        done, skipped = csv.DictReader(file)
    assert done["file"] == "ward 3/größe, x.png"
    assert (done["status"], done["width"], done["height"]) == ("done", "140", "100")
    assert (done["pixel_spacing_row_mm"], done["pixel_spacing_column_mm"]) == ("0.2", "0.1")
    assert done["pixel_spacing_source"] == "ImagerPixelSpacing"
    assert (done["lung_px"], done["right_lung_px"], done["left_lung_px"]) == ("4400", "2400", "2000")
    assert float(done["lung_cm2"]) == pytest.approx(4400 * 0.02 / 100)
    assert float(done["share"]) == pytest.approx(4400 / 14000, abs=1e-6)
    assert float(done["confidence"]) == pytest.approx(0.8)
    assert (done["dice_expected"], done["dice_low"], done["dice_high"]) == ("0.95", "0.91", "0.97")
    assert done["flags"] == "island;low_confidence"
    assert done["remarks"] == "its window was left out | it may be no chest: no view; no body part"
    assert done["model"] == "portable_cxr_lung_segmentation 0.1.0 0123456789ab"
    assert (skipped["status"], skipped["reason"]) == ("skipped", "cannot be decoded. Export it again.")
    assert {value for name, value in skipped.items() if name not in ("file", "status", "reason", "model")} == {""}


def test_json(rows: list[Prediction], tmp_path: Path) -> None:
    save_tables(rows, IDENTITY, tmp_path)
    document = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    assert document == json.loads(json.dumps(predictions_document(rows, IDENTITY)))
    assert document["format"] == "monai_lungxfer predictions 1"
    assert "Not a medical device" in document["notice"]
    assert document["model"]["weights_sha256"] == IDENTITY.weights_sha256
    assert document["flag_thresholds"]["min_symmetry"] == 0.6
    done, skipped = document["predictions"]
    assert done["flags"] == ["island", "low_confidence"]
    assert done["remarks"] == ["its window was left out", "it may be no chest: no view; no body part"]
    assert skipped["remarks"] == []
    assert done["reason"] is None
    assert skipped["lung_px"] is None
    assert done.keys() == skipped.keys()


def test_unknown_spacing_leaves_lengths_empty(tmp_path: Path) -> None:
    mask = np.ones((4, 6), np.uint8)
    row = Prediction(file="x.png", measurements=measure(mask, mask.astype(np.float32))).as_row()
    assert row["lung_px"] == 24
    assert row["lung_cm2"] is None
    assert row["pixel_spacing_row_mm"] is None


def test_no_predictions_still_give_a_header(tmp_path: Path) -> None:
    save_tables([], IDENTITY, tmp_path)
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8").startswith("file,status,mask,")
