"""How far a study is, read from its folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.schedule import StudyTask
from monai_lungxfer.study.execution.status import StepStatus, seconds_left, step_status, study_status
from monai_lungxfer.study.plan.plan import StudyPlan


@pytest.fixture
def halfway(undisturbed: Path, tmp_path: Path) -> Path:
    """A study of which one step is done, one was interrupted, one has failed, and one has not begun."""
    folder = Path(shutil.copytree(undisturbed, tmp_path / "study"))
    paths = StudyPaths(folder)
    paths.step(0, "portable").record.unlink()
    paths.step(1, "general").record.unlink()
    paths.step(1, "general").failure.write_text(json.dumps({"error": "OSError: full"}))
    shutil.rmtree(paths.step(1, "portable").path)
    return folder


def test_every_state_is_told_from_the_files(halfway: Path) -> None:
    steps = {step.task: step for step in study_status(StudyPlan.from_file(halfway))}
    assert {task: step.state for task, step in steps.items()} == {
        (0, "general"): "done",
        (0, "portable"): "begun",
        (1, "general"): "failed",
        (1, "portable"): "waiting",
    }
    assert [len(step.epochs) for step in steps.values()] == [3, 3, 3, 0]
    assert steps[StudyTask(1, "general")].error == "OSError: full"
    record = json.loads((halfway / "repetition-000" / "general" / "step.json").read_text())
    assert steps[StudyTask(0, "general")].seconds == record["seconds"]
    rows = steps[StudyTask(0, "portable")].epochs
    spent = sum(row["train_seconds"] + row["val_seconds"] for row in rows)
    assert step_status(StudyPaths(halfway), StudyTask(0, "portable")).seconds == pytest.approx(spent)


def done(repetition: int, step: str, seconds: float) -> StepStatus:
    return StepStatus(StudyTask(repetition, step), "done", record={"seconds": seconds})


def test_time_left_is_what_its_like_took() -> None:
    begun = StepStatus(StudyTask(2, "general"), "begun", [{"train_seconds": 30.0, "val_seconds": 10.0}])
    waiting, failed = StepStatus(StudyTask(2, "portable"), "waiting"), StepStatus(StudyTask(1, "portable"), "failed")
    steps = [done(0, "general", 100), done(1, "general", 200), done(0, "portable", 20), failed, begun, waiting]
    assert seconds_left(steps) == pytest.approx(150 - 40 + 20)
    assert seconds_left(steps, at_a_time=2) == pytest.approx(130 / 2)
    assert seconds_left([begun, waiting]) is None
    assert seconds_left(steps[:3]) == 0


def test_a_step_of_which_none_is_done_is_taken_for_a_usual_one() -> None:
    assert seconds_left([done(0, "general", 90), StepStatus(StudyTask(0, "portable"), "waiting")]) == 90
