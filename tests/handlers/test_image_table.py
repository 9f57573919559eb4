"""The table of an evaluation: rows, units, summaries, and the file."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_lungxfer.handlers.image_table import ImageTable
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file


def item(shift: int, spacing: tuple[float, float] | None) -> dict[str, Any]:
    """Two rectangles of which the predicted one lies `shift` rows lower, resized from 80 x 40 to 40 x 40 pixels."""
    truth = torch.zeros(1, 40, 40)
    truth[:, 5:25, 10:30] = 1
    meta = {"pixel_spacing": np.array(spacing or (math.nan, math.nan)), "spatial_shape": np.array([80, 40])}
    return {"pred": truth.roll(shift, dims=1), "label": MetaTensor(truth, meta=meta)}


def table_of(items: list[dict[str, Any]], tmp_path: Path) -> ImageTable:
    records = [
        {"image": str(tmp_path / "images" / f"{number}.png"), "finding": finding, "patient": f"secret {number // 2}"}
        for number, finding in enumerate(["normal", "covid19", "covid19"][: len(items)])
    ]
    table = ImageTable(records, tmp_path, names=("DICE_HARD", "HD95"))
    for one in items:
        table(SimpleNamespace(state=SimpleNamespace(output=[one])))  # type: ignore[arg-type]
    return table


def test_distances_are_in_mm_of_the_native_spacing(tmp_path: Path) -> None:
    known, unknown = table_of([item(4, (0.5, 0.7)), item(4, None)], tmp_path).rows
    assert (known["distances_in"], unknown["distances_in"]) == ("mm", "pixels")
    assert unknown["HD95"] == pytest.approx(4)
    assert known["HD95"] == pytest.approx(4 * 0.5 * 80 / 40)
    assert known["DICE_HARD"] == pytest.approx(16 / 20)


def test_report_has_means_by_finding_and_no_patient(tmp_path: Path) -> None:
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"weights")
    table = table_of([item(0, None), item(4, None), item(8, None)], tmp_path)
    table.write(tmp_path / "out" / "test.json", section="test", split="abc", weights=weights)
    text = (tmp_path / "out" / "test.json").read_text()
    report = json.loads(text)
    assert "secret" not in text
    assert str(tmp_path) not in text
    assert (report["section"], report["split"], report["images"]) == ("test", "abc", 3)
    assert report["weights_sha256"] == hash_file(weights)
    assert report["all"]["DICE_HARD"]["mean"] == pytest.approx((1 + 0.8 + 0.6) / 3)
    assert report["by_finding"]["covid19"]["DICE_HARD"] == pytest.approx({"mean": 0.7, "std": 0.2 / 2**0.5, "n": 2})
    assert [row["image"] for row in report["rows"]] == ["images/0.png", "images/1.png", "images/2.png"]
    assert [row["patient"] for row in report["rows"]] == [1, 1, 2]


def test_report_is_grouped_by_fields_of_the_records_and_counts_failures(tmp_path: Path) -> None:
    records = [{"image": f"{number}.png", "patient": f"secret {number}"} for number in range(4)]
    for record, device in zip(records, ("DRX", "Mobilett", "DRX"), strict=False):
        record["device"] = device
    table = ImageTable(records, tmp_path, names=("DICE_HARD",), by=["device"])
    for shift in (0, 4, 8, 0):
        table(SimpleNamespace(state=SimpleNamespace(output=[item(shift, None)])))  # type: ignore[arg-type]
    (tmp_path / "model.pt").touch()
    report = table.write(tmp_path / "test.json", section="test", split="abc", weights=tmp_path / "model.pt")
    assert "secret" not in (tmp_path / "test.json").read_text()
    groups = report["by"]["device"]
    assert {name: (group["images"], group["failures"]["failed"]) for name, group in groups.items()} == {
        "DRX": (2, 1),
        "Mobilett": (1, 1),
        "unknown": (1, 0),
    }
    assert groups["DRX"]["metrics"]["DICE_HARD"] == pytest.approx({"mean": 0.8, "std": 0.4 / 2**0.5, "n": 2})
    # Wilson: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) of 2 in 4
    expected = {"below": 0.9, "failed": 2, "n": 4, "share": 0.5, "low": 0.1500, "high": 0.8500}
    assert report["failures"] == pytest.approx(expected, abs=1e-4)


def test_a_report_cannot_be_grouped_by_patient(tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="cannot be grouped by patient"):
        ImageTable([{"image": "a.png", "patient": "secret"}], tmp_path, by="patient")


def test_report_tells_how_sure_the_network_was_and_how_often_it_was_right(tmp_path: Path) -> None:
    sure, unsure = item(0, None), item(0, None)
    unsure["pred"] = torch.full((1, 40, 40), 0.25)
    (tmp_path / "model.pt").touch()
    table = table_of([sure, unsure], tmp_path)
    report = table.write(tmp_path / "test.json", section="test", split="abc", weights=tmp_path / "model.pt")
    empty = {"pixels": 0, "probability": None, "lung": None}
    expected = [empty] * 10
    expected[0] = {"pixels": 1200, "probability": 0.0, "lung": 0.0}
    expected[2] = {"pixels": 1600, "probability": 0.25, "lung": 400 / 1600}
    expected[9] = {"pixels": 400, "probability": 1.0, "lung": 1.0}
    assert report["calibration"] == [pytest.approx(one, abs=1e-7) if one["pixels"] else one for one in expected]


def test_an_empty_prediction_is_in_the_mean_of_the_distances(tmp_path: Path) -> None:
    empty = item(0, None) | {"pred": torch.zeros(1, 40, 40)}
    (tmp_path / "model.pt").touch()
    table = table_of([item(4, None), empty], tmp_path)
    report = table.write(tmp_path / "test.json", section="test", split="abc", weights=tmp_path / "model.pt")
    assert report["all"]["HD95"]["n"] == 2
    assert report["all"]["HD95"]["mean"] == pytest.approx((4 + 40 * 2**0.5) / 2)


def test_a_row_tells_its_mask_and_grid(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"mask")
    table = ImageTable([{"image": "a.png", "label": str(mask)}], tmp_path, names=("DICE",))
    table(SimpleNamespace(state=SimpleNamespace(output=[item(0, None)])))  # type: ignore[arg-type]
    assert (table.rows[0]["label"], table.rows[0]["grid"]) == (hash_file(mask)[:12], "40x40")


def evaluated(images: list[Path], root: Path) -> list[str]:
    table = ImageTable([{"image": str(image)} for image in images], root, names=("DICE_HARD",))
    for _ in images:
        table(SimpleNamespace(state=SimpleNamespace(output=[item(0, None)])))  # type: ignore[arg-type]
    return [row["image"] for row in table.rows]


def test_images_elsewhere_have_names_of_their_own_and_no_paths(tmp_path: Path) -> None:
    inside, *elsewhere = evaluated(
        [
            tmp_path / "images" / "cxr.png",
            Path("/archive/Smith/cxr.png"),
            Path("/archive/Jones/cxr.png"),
            tmp_path / ".." / "Smith" / "cxr.png",
        ],
        tmp_path,
    )
    assert inside == "images/cxr.png"
    assert elsewhere[0] == hashlib.sha256(b"/archive/Smith/cxr.png").hexdigest()[:8] + "-cxr.png"
    assert elsewhere[2] == hashlib.sha256(b"../Smith/cxr.png").hexdigest()[:8] + "-cxr.png"  # wherever the data lie
    assert len(set(elsewhere)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-cxr\.png", name) for name in elsewhere)


def test_images_have_the_same_names_whether_the_folder_is_given_or_its_datalist(tmp_path: Path) -> None:
    file = tmp_path / "datalist.json"
    file.touch()
    images = [tmp_path / "images" / "1.png"]
    assert evaluated(images, file) == evaluated(images, tmp_path) == ["images/1.png"]


def test_at_native_size_the_drawn_mask_and_the_cleaned_one_are_measured(tmp_path: Path) -> None:
    one = item(4, None)
    native = one | {"truth": one["label"], "label": torch.zeros(1, 8, 8), "mask": one["label"].as_tensor()}
    rows = {}
    for clean in (False, True):
        table = ImageTable([{"image": "a.png"}], tmp_path, at="native", clean=clean)
        table(SimpleNamespace(state=SimpleNamespace(output=[native])))  # type: ignore[arg-type]
        rows[clean] = table.rows[0]
    assert rows[False]["grid"] == "40x40"
    assert rows[False]["DICE_HARD"] == pytest.approx(16 / 20)
    assert rows[True]["DICE_HARD"] == rows[True]["BIOU"] == rows[True]["NSD_D1"] == 1
    assert rows[True]["DICE"] == rows[False]["DICE"]  # of the probability


def test_what_a_refiner_knows_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights, refiner, image = (tmp_path / name for name in ("model.pt", "refiner.pt", "a.png"))
    for file in (weights, refiner, image):
        file.write_bytes(file.name.encode())
    known = {"by": "border refiner", "images": [hash_file(image)[:12]]}
    refiner.with_suffix(".json").write_text(json.dumps({"network": {"_target_": "a.B"}, "learnt": [known]}))
    table = ImageTable([{"image": str(image)}], tmp_path, names=("DICE",), at="native")
    table(SimpleNamespace(state=SimpleNamespace(output=[item(0, None) | {"truth": item(0, None)["label"]}])))  # type: ignore[arg-type]
    place = {"section": "test", "split": "abc", "weights": weights, "refiner": refiner}
    report = table.write(tmp_path / "test.json", **place)
    assert (report["at"], report["refiner_sha256"]) == ("native", hash_file(refiner))
    assert report["learnt"] == [{"by": "border refiner", "own": False, "images": 1, "refiner": True}]
    assert "The border refiner learnt from 1 of the 1 measured images" in caplog.text


def test_the_agreement_of_readers_stands_beside_dice(tmp_path: Path) -> None:
    drawn = {"masks": 5, "second": 9}
    for folder, first in drawn.items():
        mask = np.zeros((40, 40), np.uint8)
        mask[first : first + 20, 10:30] = 1
        save_mask(tmp_path / folder / "0.png", mask)
    records = [{"image": f"{number}.png", "label": str(tmp_path / "masks" / "0.png")} for number in range(2)]
    table = ImageTable(records, tmp_path, names=("DICE_HARD", "HD95"), against=[tmp_path / "second"])
    for shift in (0, 8):
        table(SimpleNamespace(state=SimpleNamespace(output=[item(shift, None)])))  # type: ignore[arg-type]
    (tmp_path / "model.pt").touch()
    report = table.write(tmp_path / "test.json", section="test", split="abc", weights=tmp_path / "model.pt")
    assert list(report["all"]) == ["DICE_HARD", "DICE_READERS", "HD95"]
    assert report["all"]["DICE_READERS"]["mean"] == pytest.approx(16 / 20)
    told = {"readers": 1, "images": 2, "network": (1 + 0.6) / 2, "ceiling": 0.8, "difference": 0.0}
    assert report["against"] == pytest.approx(told)
    assert str(tmp_path) not in (tmp_path / "test.json").read_text()
