"""Metrics of a report by name; what a run of MLflow holds of them is tested with the bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from monai.utils import path_to_sqlite_uri

from monai_lungxfer.handlers.run_report import log_report, report_metrics

DICE = {"DICE": {"mean": 0.9, "std": 0.1, "n": 3}, "HD95": {"mean": None, "std": None, "n": 0}}
REPORT: dict[str, Any] = {"section": "test", "all": DICE, "by_finding": {"COVID-19": DICE, "ä|b": DICE}}


def test_means_are_named_by_section_and_finding_and_undefined_ones_are_left_out() -> None:
    assert report_metrics(REPORT) == {"test/DICE": 0.9, "test/COVID-19/DICE": 0.9, "test/ä_b/DICE": 0.9}


def test_a_report_stays_when_mlflow_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mlflow_run").write_text("0123")  # which no database knows
    log_report(REPORT, tmp_path / "mlflow_run", path_to_sqlite_uri(tmp_path / "mlruns.db"))
    assert "MLflow has not got the metrics" in caplog.text
    assert str(tmp_path) not in caplog.text


@pytest.mark.parametrize("uri", ["", None, "sqlite:///none.db"])
def test_nothing_is_told_without_a_run_or_a_place(uri: str | None, tmp_path: Path) -> None:
    if not uri:
        (tmp_path / "mlflow_run").write_text("0123")
    log_report(REPORT, tmp_path / "mlflow_run", uri)
    assert [file.name for file in tmp_path.iterdir()] == (["mlflow_run"] if not uri else [])
