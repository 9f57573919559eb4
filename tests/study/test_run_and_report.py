"""What a study wrote is what its report reads: the two halves meet on a study that was really run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.report.write import write_report

pytestmark = pytest.mark.slow


def test_results_are_those_of_the_reports(undisturbed: Path) -> None:
    results = StudyResults.read(undisturbed)
    report = undisturbed / "repetition-001" / "portable" / "independent.json"
    rows = json.loads(report.read_text())["rows"]
    after = results.after()
    own = after[after.repetition == 1]
    assert len(own) == len(rows) > 0
    assert own.DICE.mean() == pytest.approx(sum(row["DICE"] for row in rows) / len(rows))
    assert results.plan == StudyPlan.from_file(undisturbed)


def test_the_made_up_study_has_the_form_of_a_real_one(undisturbed: Path, study: Path) -> None:
    plans = [yaml.safe_load((folder / "plan.yaml").read_text()) for folder in (undisturbed, study)]
    assert list(plans[0]) == list(plans[1])
    for name in ("step.json", "independent.json", "before.json", "test.json"):
        real, made_up = (
            json.loads((folder / "repetition-000" / "portable" / name).read_text()) for folder in (undisturbed, study)
        )
        assert set(real) == set(made_up), name
    columns = [
        (folder / "repetition-000" / "general" / "epochs.csv").read_text().split()[0] for folder in (undisturbed, study)
    ]
    assert columns[0] == columns[1]


def test_a_report_of_a_real_study(undisturbed: Path, tmp_path: Path) -> None:
    report = write_report(undisturbed, tmp_path)
    assert (report.finished, report.planned) == (2, 2)
    html = report.page.read_text()
    assert "2 of 2 repetitions finished" in html
    assert undisturbed.parent.name not in html
