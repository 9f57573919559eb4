"""A study in this process: every step once, from the right parent, on the right images; failures do not spread."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from tiny_study import STAGE, outcome, tiny_plan

from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.study.execution import step_run
from monai_lungxfer.study.execution.begin import begin_study
from monai_lungxfer.study.execution.run import StudyEnd, run_study
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.study.plan.arms import DEFAULT_ARMS, STEPS, required_steps
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file

ONE_EPOCH = STAGE | {"max_epochs": 1}
ALL = {step.name: step for step in required_steps(DEFAULT_ARMS)}


@pytest.fixture(scope="module")
def all_arms(study_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One repetition of every arm."""
    keys = {"arms": list(DEFAULT_ARMS), "repetitions": 1, "stages": {"general": ONE_EPOCH, "portable": ONE_EPOCH}}
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path_factory.mktemp("arms"), **keys))
    end = run_study(plan, tracking_uri="")
    assert {task.step for task in end.done} == set(ALL)
    return plan.out / "repetition-000"


def content(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "models" / "model.pt", weights_only=True)


def test_every_step_leaves_its_files(all_arms: Path) -> None:
    for name, step in ALL.items():
        found = {path.name for path in (all_arms / name).iterdir() if path.suffix in (".json", ".csv")}
        files = {"epochs.csv", "independent.json", "split.json", "step.json", "test.json"}
        if step.stage == "general":
            files.add("portable_split.json")
        elif step.pools:
            files.add("general_split.json")
        else:
            files.add("before.json")
        if name == "portable_scratch":
            assert step.parent == "general_scratch"
        assert found == files, name


def test_all_arms_are_measured_on_the_same_half_with_their_own_weights(all_arms: Path) -> None:
    reports = {name: content(all_arms / name, "independent") for name in ALL}
    assert len({report["split"] for report in reports.values()}) == 1
    assert len({tuple(row["image"] for row in report["rows"]) for report in reports.values()}) == 1
    for name, report in reports.items():
        assert report["weights_sha256"] == hash_file(all_arms / name / "models" / "model.pt")
    assert len({report["weights_sha256"] for report in reports.values()}) == len(ALL)
    independent = {row["image"] for row in reports["portable"]["rows"]}
    split = content(all_arms / "portable", "split")
    trained = {record["image"] for section in ("training", "validation", "test") for record in split[section]}
    assert independent == {record["image"] for record in split["independent"]}
    assert not independent & trained


def test_before_is_what_the_parent_did_on_the_same_half(all_arms: Path) -> None:
    for name in ("portable", "portable_frozen"):
        assert content(all_arms / name, "before") == content(all_arms / "general", "independent")
    scratch = content(all_arms / "portable_scratch", "before")
    assert scratch == content(all_arms / "general_scratch", "independent")
    donor = content(all_arms / "portable_from_donor", "before")
    assert donor["weights_sha256"] == hash_file(all_arms.parent / "donor" / "model.pt")
    assert donor["split"] == scratch["split"]


def test_records_tell_lineage_seed_data_and_environment(all_arms: Path) -> None:
    portable, general = content(all_arms / "portable", "step"), content(all_arms / "general", "step")
    assert (portable["parent"], portable["parent_sha256"]) == ("general", general["weights_sha256"])
    assert (general["parent"], general["parent_sha256"]) == ("donor", hash_file(all_arms.parent / "donor" / "model.pt"))
    scratch = content(all_arms / "general_scratch", "step")
    assert (scratch["parent"], scratch["parent_sha256"]) == (None, None)
    facts = json.loads((all_arms.parent / "study.json").read_text())
    assert (general["data"], portable["data"]) == (facts["data"]["general"], facts["data"]["portable"])
    assert portable["split"] == content(all_arms / "portable", "split")["hash"]
    assert (general["step"], general["repetition"]) == ("general", 0)
    assert (portable["seed"], portable["threads"]) == (0, 1)
    assert 0 < portable["network_ms"] < 1000 * portable["seconds"]
    assert portable["environment"]["torch"] == torch.__version__


def test_the_frozen_encoder_keeps_its_parents_weights(all_arms: Path) -> None:
    parent, frozen, free = (weights(all_arms / name) for name in ("general", "portable_frozen", "portable"))
    for name, tensor in parent.items():
        if name.startswith(("encoder", "bottleneck")):
            assert torch.equal(frozen[name], tensor), name
            if name.endswith("weight"):
                assert not torch.equal(free[name], tensor), name
        elif name.endswith("weight"):
            assert not torch.equal(frozen[name], tensor), name


def test_pooled_training_has_the_training_images_of_both_stages_and_no_others(
    all_arms: Path, study_inputs: Path, tmp_path: Path
) -> None:
    general, portable = content(all_arms / "pooled", "general_split"), content(all_arms / "pooled", "split")
    assert general["hash"] == content(all_arms / "general", "split")["hash"]
    assert portable["hash"] == content(all_arms / "portable", "split")["hash"]
    job = StepJob(begin_study(StudyPlan.from_file(tiny_plan(study_inputs, tmp_path))), 0, STEPS["pooled"])
    data = study_inputs / "data"
    settings = {"dataset_dir": str(data / "portable"), **job.folder.overrides(), **job.training(None)}
    parser = bundle_workflow("portable", "train", settings).parser
    wanted = [str(data / "portable" / record["image"]) for record in portable["training"]]
    wanted += [str(data / "general" / record["image"]) for record in general["training"]]
    assert [record["image"] for record in parser.get_parsed_content("train#dataset").data] == wanted
    own = parser.get_parsed_content("validate#dataset").data
    assert [record["image"] for record in own] == [str(data / "portable" / r["image"]) for r in portable["validation"]]


def test_decoded_images_lie_on_the_disk_unless_a_stage_has_memory_for_them(study_inputs: Path, tmp_path: Path) -> None:
    stages = {"general": STAGE, "portable": STAGE | {"settings": {"memory_limit_gb": 2.0}}}
    study = begin_study(StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, stages=stages)))
    general, portable = (StepJob(study, 0, STEPS[name]).training(None) for name in ("general", "portable_from_donor"))
    assert (general["memory_limit_gb"], portable["memory_limit_gb"]) == (0.0, 2.0)
    assert general["spill_dir"] == portable["spill_dir"] == study.paths.decoded


def test_repetitions_differ_in_their_splits(undisturbed: Path) -> None:
    for name in ("general", "portable"):
        splits = {content(undisturbed / f"repetition-00{number}" / name, "split")["hash"] for number in (0, 1)}
        assert len(splits) == 2


def test_what_is_done_is_not_done_again(undisturbed: Path, study_inputs: Path, tmp_path: Path) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path))
    shutil.copytree(undisturbed, plan.out)
    times = {path: path.stat().st_mtime_ns for path in plan.out.glob("repetition-*/**/*") if path.is_file()}
    assert len(run_study(plan, tracking_uri="").done) == 4
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_more_repetitions_leave_those_that_are_there(undisturbed: Path, study_inputs: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "study")
    shutil.rmtree(tmp_path / "study" / "repetition-001" / "portable")
    end = run_study(StudyPlan.from_file(tiny_plan(study_inputs, tmp_path)), tracking_uri="")
    assert len(end.done) == 4
    assert outcome(tmp_path / "study") == outcome(undisturbed)


def broken_for(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Let the training of one step fail."""
    original = step_run.train_stage

    def fail(stage: Any, data: Any, folder: Any, *others: Any) -> Any:
        if folder.path.match(part):
            raise RuntimeError("around it") from OSError("no space left")
        return original(stage, data, folder, *others)

    monkeypatch.setattr(step_run, "train_stage", fail)


def test_a_failure_is_recorded_and_stops_nothing_else(
    monkeypatch: pytest.MonkeyPatch, undisturbed: Path, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path))
    with monkeypatch.context() as patched:
        broken_for(patched, "repetition-000/general")
        end: StudyEnd = run_study(plan, tracking_uri="")
    assert end.done == ((1, "general"), (1, "portable"))
    assert end.failed == {(0, "general"): "OSError: no space left"}
    assert end.blocked == ((0, "portable"),)
    failure = plan.out / "repetition-000" / "general" / "failed.json"
    assert json.loads(failure.read_text())["error"] == "OSError: no space left"
    again = run_study(plan, tracking_uri="")
    assert (len(again.done), again.failed, again.blocked) == (4, {}, ())
    assert not failure.exists()
    assert outcome(plan.out) == outcome(undisturbed)


def test_a_device_that_is_not_there_is_told_as_such(study_inputs: Path, tmp_path: Path) -> None:
    plan = StudyPlan.from_file(
        tiny_plan(study_inputs, tmp_path, arms=["donor_to_portable"], repetitions=1, device="cuda:99")
    )
    (failure,) = run_study(plan, tracking_uri="").failed.values()
    assert failure.startswith("LungXferError: the device cuda:99 cannot be used")


def test_the_best_general_weights_are_everybodys_parent(study_inputs: Path, tmp_path: Path) -> None:
    keys = {"parent": "best", "stages": {"general": STAGE, "portable": ONE_EPOCH}}
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **keys))
    run_study(plan, tracking_uri="")
    folders = [plan.out / f"repetition-00{number}" for number in (0, 1)]
    losses = []
    for folder in folders:
        rows = (folder / "general" / "epochs.csv").read_text().splitlines()
        losses.append(min(float(row.split(",")[2]) for row in rows[1:]))
    best = losses.index(min(losses))
    for number, folder in enumerate(folders):
        record, before = content(folder / "portable", "step"), content(folder / "portable", "before")
        assert record["parent"] == ("general" if number == best else f"repetition-00{best}/general")
        assert record["parent_sha256"] == before["weights_sha256"]
        assert before["weights_sha256"] == content(folders[best] / "general", "step")["weights_sha256"]
        assert before["split"] == content(folder / "portable", "independent")["split"]


def test_a_study_that_was_moved_goes_on_where_it_is_now(undisturbed: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(undisturbed, tmp_path / "moved"))
    (moved / "repetition-000" / "portable" / "step.json").unlink()
    end = run_study(StudyPlan.from_file(moved), tracking_uri="")
    assert (len(end.done), end.study.paths.path) == (4, moved)
    assert outcome(moved) == outcome(undisturbed)


def test_two_processes_do_not_run_one_study(study_inputs: Path, tmp_path: Path) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path))
    plan.out.mkdir()
    with FileLock(plan.out / ".lock"), pytest.raises(LungXferError, match="another process"):
        run_study(plan, tracking_uri="")
