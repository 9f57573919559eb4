"""`lungxfer study` as it is typed: plan, run, status, report."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from study_folder import write_study
from tiny_study import STAGE, tiny_plan
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.cli.study_progress import StudyProgress
from monai_lungxfer.study.execution import step_run
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.report.write import WrittenReport

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
