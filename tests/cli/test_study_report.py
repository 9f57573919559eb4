"""`lungxfer study report` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from study_folder import write_study
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.study.report.write import WrittenReport


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"))


def test_report_lies_where_it_is_wanted(study: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["study", "report", str(study), "--out", str(tmp_path / "out")], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "4 of 5 repetitions are finished" in result.stdout
    assert "Not a medical device" in result.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "tables" / "before_after.csv").is_file()
    assert not (study / "report.html").exists()


def test_json_and_what_is_passed_on(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def answer(*arguments: object, **options: object) -> WrittenReport:
        asked.update(options, study=arguments[0])
        return WrittenReport(study / "report.html", study / "tables", study / "figures", 4, 5)

    monkeypatch.setattr("monai_lungxfer.study.report.write.write_report", answer)
    options = ["--with-images", "--data", str(tmp_path), "--device", "cpu", "--json"]
    told = json.loads(CliRunner().invoke(app, ["study", "report", str(study), *options], catch_exceptions=False).stdout)
    assert told == {
        "page": str(study / "report.html"),
        "tables": str(study / "tables"),
        "figures": str(study / "figures"),
        "finished": 4,
        "planned": 5,
    }
    assert asked == {"study": study, "with_images": True, "data": tmp_path, "device": "cpu"}


def test_data_without_images_is_a_mistake(study: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["study", "report", str(study), "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "--with-images" in result.output


def test_no_study(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["study", "report", str(tmp_path / "nothing")]).exit_code == 2
    result = CliRunner().invoke(app, ["study", "report", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no study" in " ".join(result.output.split())
