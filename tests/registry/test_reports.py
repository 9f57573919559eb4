"""Reports that may go to the registry, and what is left of them there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evaluation_report import report_of, write_report

from monai_lungxfer.registry.reports import mean_metric, read_report, without_names
from monai_lungxfer.utils.errors import RegistryError

WEIGHTS = "5" * 64


def test_names_of_images_are_left_out(tmp_path: Path) -> None:
    report = read_report(write_report(tmp_path / "r.json", WEIGHTS, [0.9, 0.8], finding=["normal", "covid19"]), WEIGHTS)
    assert "doe" not in json.dumps(report)
    assert report["rows"] == [{"DICE": 0.9, "finding": "normal"}, {"DICE": 0.8, "finding": "covid19"}]
    assert mean_metric(report) == pytest.approx(0.85)


def test_the_hash_tells_images_and_their_order() -> None:
    report = report_of(WEIGHTS, [0.9, 0.8])
    digest = without_names(report)["images_sha256"]
    assert without_names(report_of("6" * 64, [0.1, 0.2]))["images_sha256"] == digest
    report["rows"].reverse()
    assert without_names(report)["images_sha256"] != digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "is no report of an evaluation"),
        ("[]", "is no report of an evaluation"),
        (json.dumps({"section": "test"}), "is no report of an evaluation"),
        (json.dumps(report_of(WEIGHTS, [])), "has no images"),
        (json.dumps(report_of(WEIGHTS, [None])), "images that were not measured"),  # type: ignore[list-item]
        (json.dumps(report_of(WEIGHTS, [0.9], section="training")), "section 'training', which the model knows"),
        (json.dumps(report_of("6" * 64, [0.9])), "of the weights 666666666666, not of 555555555555"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(RegistryError, match=message):
        read_report(tmp_path / "report.json", WEIGHTS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="is no report of an evaluation"):
        read_report(tmp_path / "none.json", WEIGHTS)
