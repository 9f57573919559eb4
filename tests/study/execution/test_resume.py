"""A study that is killed goes on where it was, and ends as one that was left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_study import killed_when, outcome, tiny_plan

from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan


@pytest.mark.slow
def test_a_killed_study_ends_as_one_that_was_left_alone(undisturbed: Path, study_inputs: Path, tmp_path: Path) -> None:
    plan = tiny_plan(study_inputs, tmp_path)
    portable = tmp_path / "study" / "repetition-000" / "portable"
    killed_when(plan, portable / "models" / "resume.pt")
    assert not (portable / "step.json").exists()
    assert (portable.parent / "general" / "step.json").exists()
    trained = (portable.parent / "general" / "step.json").stat().st_mtime_ns
    end = run_study(StudyPlan.from_file(plan), tracking_uri="")
    assert len(end.done) == 4
    assert outcome(tmp_path / "study") == outcome(undisturbed)
    assert (portable.parent / "general" / "step.json").stat().st_mtime_ns == trained
    left = [path.name for path in (tmp_path / "study").rglob(".*") if path.name != ".lock"]
    assert left == []  # also if a temporary file was being written when the signal came
