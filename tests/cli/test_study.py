"""`lungxfer study` as it is typed: plan, run, status."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tiny_study import STAGE, tiny_plan
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.cli.study_progress import StudyProgress, duration
from monai_lungxfer.study.execution import step_run
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan

ONE_STEP = {"repetitions": 1, "arms": ["donor_to_portable"]}


def invoke(*arguments: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_a_plan_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    assert "lungxfer study run" in invoke("study", "plan", path, "--data", "images")[0]
    assert StudyPlan.from_file(path).data == tmp_path / "images"
    assert "is there already" in invoke("study", "plan", path, code=2)[1]
    invoke("study", "plan", path, "--overwrite")
    assert StudyPlan.from_file(path).data == tmp_path / "data"


@pytest.mark.parametrize("name", ["plan[v2].yaml", "a[/b].yaml", ":lung:[red].yaml"])
def test_brackets_and_colons_of_a_path_are_printed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    assert invoke("study", "plan", path)[0] == f"Edit {path}, then: lungxfer study run {path}\n"


def test_run_and_status(study_inputs: Path, tmp_path: Path) -> None:
    plan = tiny_plan(study_inputs, tmp_path, **ONE_STEP)
    out, lines = invoke("study", "run", plan, "--tracking-uri", "")
    assert "1 steps are done" in out
    assert "Not a medical device" in out
    said = lines.splitlines()
    assert said[0] == "1 × 1 steps, of which 0 are done"
    for number in (1, 2, 3):
        assert said[number].startswith(f"repetition 1/1, portable_from_donor: epoch {number}/3, training loss 0.")
    assert "validation loss" in said[1]
    assert "portable_from_donor: done in" in said[4]
    (one,) = json.loads(invoke("study", "status", tmp_path / "study", "--json")[0])
    assert (one["step"], one["state"], one["epochs"], one["error"]) == ("portable_from_donor", "done", 3, None)
    again = json.loads(invoke("study", "run", tmp_path / "study", "--tracking-uri", "", "--json")[0])
    assert again == {"study": str(tmp_path / "study"), "done": 1, "failed": {}, "blocked": []}


def test_a_failed_step_is_exit_code_1_and_said(
    monkeypatch: pytest.MonkeyPatch, undisturbed: Path, study_inputs: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(study_inputs, tmp_path)
    shutil.copytree(undisturbed, tmp_path / "study")
    for name in ("general", "portable"):
        StudyPaths(tmp_path / "study").step(1, name).record.unlink()

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(step_run, "train_stage", fail)
    out, lines = invoke("study", "run", plan, "--tracking-uri", "", code=1)
    assert "2 steps are done" in out
    assert "1 failed and 1 need one of these" in " ".join(out.split())
    assert "repetition 2/2, general: failed, OSError: the disk is full" in lines
    table, _ = invoke("study", "status", plan)
    assert "repetition 2, general: OSError: the disk is full" in table
    cells = [line.split("│")[1:-1] for line in table.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row[:5]] for row in cells] == [
        ["general", "1", "0", "1", "0"],
        ["portable", "1", "1", "0", "0"],
    ]


def test_a_wrong_plan_is_exit_code_2(study_inputs: Path, tmp_path: Path) -> None:
    plan = tiny_plan(study_inputs, tmp_path, arms=["papr"])
    assert "did you mean 'paper'" in invoke("study", "run", plan, code=2)[1]
    assert "cannot be read as a plan" in invoke("study", "status", tmp_path / "nothing", code=2)[1]


def test_on_a_terminal_there_is_a_table_of_what_runs(
    monkeypatch: pytest.MonkeyPatch, study_inputs: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("monai_lungxfer.cli.study_progress.INTERVAL", 0.01)
    stream = StringIO()
    stages = {"general": STAGE, "portable": STAGE | {"max_epochs": 5}}
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, stages=stages, **ONE_STEP))
    with StudyProgress(Console(file=stream, force_terminal=True, width=120)) as progress:
        run_study(plan, "", watcher=progress)
    shown = stream.getvalue()
    assert "validation Dice" in shown
    assert "preparing" in shown
    assert "/5" in shown
    assert "repetition 1/1, portable_from_donor: done in" in shown
    assert ": epoch 1/5, training loss" not in shown  # a line an epoch is for files


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (5900, "98 min"), (12_000, "3 h 20 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
