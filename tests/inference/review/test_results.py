"""The results of a run, read from its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import lung_mask, radiograph
from reviewed_run import BRIDGED, IDENTITY, write_run

from monai_lungxfer.inference.dicom.segmentation import lung_segmentation
from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.review.records import review_data
from monai_lungxfer.inference.review.results import read_result_mask, read_results
from monai_lungxfer.utils.errors import InputFileError


def test_rows_model_and_outlines_before_cleaning(tmp_path: Path) -> None:
    for given in (write_run(tmp_path), tmp_path / "predictions.csv"):
        found = read_results(given)
        assert found.folder == tmp_path
        assert found.model == str(IDENTITY)
        assert [row["file"] for row in found.rows] == ["ward/a.png", "b.png", "c.png", "d.png", "e.png", "f.dcm"]
        assert found.raw_outlines == {"b.png": draw_outline(BRIDGED)}


def test_half_a_line_of_the_journal_costs_nothing_else(tmp_path: Path) -> None:
    with (write_run(tmp_path) / "predictions.jsonl").open("a") as file:
        file.write('{"file": "g.p')
    assert list(read_results(tmp_path).raw_outlines) == ["b.png"]


@pytest.mark.parametrize("content", [None, "no journal\n", "[]\n[]\n"])
def test_without_a_journal_there_are_no_outlines_before_cleaning(tmp_path: Path, content: str | None) -> None:
    journal = write_run(tmp_path) / "predictions.jsonl"
    journal.unlink()
    if content:
        journal.write_text(content)
    assert read_results(tmp_path).raw_outlines == {}


def test_a_table_of_an_earlier_version_has_no_remarks(tmp_path: Path) -> None:
    table = write_run(tmp_path) / "predictions.json"
    document = json.loads(table.read_text())
    later = ("remarks", "dice_expected", "dice_low", "dice_high", "review", "report", "presentation")
    document["predictions"] = [
        {name: value for name, value in row.items() if name not in later} for row in document["predictions"]
    ]
    table.write_text(json.dumps(document))
    (tmp_path / "predictions.jsonl").unlink()
    records = review_data(read_results(tmp_path))["records"]
    assert [record["file"] for record in records] == ["c.png", "b.png", "d.png", "ward/a.png", "e.png", "f.dcm"]
    assert all(record["remarks"] == [] and record["dice_expected"] is None for record in records)


def test_an_interrupted_run_says_what_to_do(tmp_path: Path) -> None:
    (write_run(tmp_path) / "predictions.json").unlink()
    with pytest.raises(InputFileError, match="--resume"):
        read_results(tmp_path)
    (tmp_path / "predictions.jsonl").unlink()
    with pytest.raises(InputFileError, match=r"there is no predictions\.json"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("model"),
        lambda document: document["predictions"][0].pop("flags"),
        lambda document: document["predictions"][0].update(width=None),
        lambda document: document["predictions"][0].update(mask="../../secret.png"),
        lambda document: document["predictions"][0].update(mask="/secret.png"),
        lambda document: document["predictions"][0].update(flags="bridge"),
        lambda document: document.update(predictions=7),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, change) -> None:
    table = write_run(tmp_path) / "predictions.json"
    document = json.loads(table.read_text())
    change(document)
    table.write_text(json.dumps(document))
    with pytest.raises(InputFileError, match="damaged"):
        read_results(tmp_path)


@pytest.mark.parametrize("sides", [False, True])
def test_the_segments_of_a_dicom_seg_are_one_mask(tmp_path: Path, sides: bool) -> None:
    save_dicom(tmp_path / "x.dcm", lung_segmentation(radiograph("DX"), lung_mask(), IDENTITY, sides=sides))
    assert np.array_equal(read_result_mask(tmp_path, "x.dcm"), lung_mask())


def test_a_damaged_dicom_seg_quotes_nothing(tmp_path: Path) -> None:
    save_dicom(tmp_path / "x.dcm", lung_segmentation(radiograph("DX"), lung_mask(), IDENTITY))
    (tmp_path / "x.dcm").write_bytes((tmp_path / "x.dcm").read_bytes()[:-200])
    with pytest.raises(InputFileError) as raised:
        read_result_mask(tmp_path, "x.dcm")
    assert "Secret" not in str(raised.value)
