"""`lungxfer drift` as it is typed, on tables that were drawn."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.inference.measurements import Measurements
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction, save_tables

IDENTITY = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32)


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["drift", *map(str, arguments)])
    return result.exit_code, result.output


def write(folder: Path, number: int, share: float, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    predictions = []
    for place, drawn in enumerate(rng.normal(share, 0.04, number)):
        areas = {"lung_px": 9000, "right_lung_px": int(rng.integers(4000, 5000)), "left_lung_px": 4000}
        rest = {"height_share": 0.7, "components": 2, "bridges": 0, "islands": 0, "cleaned": 0.0, "symmetry": 0.9}
        rest |= {"border": 0.0, "confidence": 0.97, "dice_expected": float(rng.normal(0.95, 0.01))}
        known = dict.fromkeys(("lung_cm2", "right_lung_cm2", "left_lung_cm2"))
        measured = Measurements(**areas, **known, share=float(drawn), **rest)
        flags = ("island",) if place % 9 == 0 else ()
        facts = {"mask": "m.png", "width": 200, "height": 150, "measurements": measured, "flags": flags}
        predictions.append(Prediction(f"secret{place}.png", **facts))
    folder.mkdir()
    save_tables(predictions, IDENTITY, folder)
    return folder


def test_exit_codes_and_verdicts(tmp_path: Path) -> None:
    january, june = write(tmp_path / "a", 90, 0.3, 0), write(tmp_path / "b", 90, 0.3, 1)
    other, few = write(tmp_path / "c", 90, 0.4, 2), write(tmp_path / "d", 12, 0.4, 3)
    for new, code, words in (
        (june, 0, "No drift found in"),
        (other, 1, "Drift: 1 of"),
        (few, 5, "Not enough to judge"),
    ):
        found, text = invoke(january, new)
        assert found == code
        assert words in text
        assert "Not a medical device" in text
    assert invoke(january, tmp_path / "none")[0] == 2


def test_the_report_is_whole_and_names_no_image(tmp_path: Path) -> None:
    pair = write(tmp_path / "a", 60, 0.3, 0), write(tmp_path / "b", 60, 0.4, 1)
    assert invoke(*pair, "-o", tmp_path / "out")[0] == 1
    html = (tmp_path / "out" / "drift.html").read_text(encoding="utf-8")
    assert html.count("Not a medical device") >= 3
    assert "secret" not in html
    assert str(tmp_path) not in html
    with (tmp_path / "out" / "tables" / "numbers.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert {name for name, row in rows.items() if row["drifted"] == "True"} == {"share"}
    assert {path.stem for path in (tmp_path / "out" / "figures").glob("*.svg")} == {"numbers", "rates"}
    assert "island" in html
    code, text = invoke(*pair, "-o", tmp_path / "out")
    assert code == 2
    assert "--overwrite" in text
    assert invoke(*pair, "-o", tmp_path / "out", "--overwrite")[0] == 1


def test_json_has_the_verdict(tmp_path: Path) -> None:
    pair = write(tmp_path / "a", 60, 0.3, 0), write(tmp_path / "b", 60, 0.4, 1)
    found = json.loads(CliRunner().invoke(app, ["drift", *map(str, pair), "--json"]).stdout)
    assert (found["verdict"], found["drifted"], found["page"]) == ("drift", ["share"], None)
    assert found["numbers"][0]["p_holm"] < 0.01


def test_images_of_one_side_alone_are_refused(tmp_path: Path) -> None:
    code, text = invoke(tmp_path, tmp_path, "--new-images", tmp_path)
    assert code == 2
    assert "belong together" in text


@pytest.mark.parametrize("file", ["predictions.csv", "."])
def test_a_table_may_be_named_itself(tmp_path: Path, file: str) -> None:
    january = write(tmp_path / "a", 60, 0.3, 0)
    assert invoke(january / file, january)[0] == 0
