"""What a step is trained with follows from the plan and its repetition."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.study.execution.begin import Study
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.study.plan.arms import STEPS
from monai_lungxfer.study.plan.plan import StudyPlan


def _job(folder: Path, step: str, **keys: object) -> StepJob:
    plan = StudyPlan.model_validate({"data": folder / "data", "out": folder / "study", "seed": 3, "threads": 1, **keys})
    return StepJob(Study(plan, {"donor": "e" * 64, "data": {}}), 2, STEPS[step])


def test_names_seed_and_first_weights(tmp_path):
    job = _job(tmp_path, "general")
    assert (job.name, job.seed) == ("repetition-002/general", 5)
    assert job.weights_before == tmp_path / "study" / "donor" / "model.pt"
    assert job.lineage == {"parent": "donor", "parent_sha256": "e" * 64, "parent_run": None}
    scratch = _job(tmp_path, "general_scratch")
    assert (scratch.weights_before, scratch.lineage["parent_sha256"]) == (None, None)


def test_settings_of_the_stages(tmp_path):
    job = _job(tmp_path, "general", hold_out=0.4, device="cuda:1", stages={"general": {"max_epochs": 9}})
    general, portable = job.settings("general"), job.settings("portable")
    assert (general["hold_out"], portable["hold_out"]) == (0, 0.4)
    assert (general["max_epochs"], general["seed"], general["image_size"]) == (9, 5, [256, 256])
    assert "'cuda:1'" in general["device"]
    assert "device" not in _job(tmp_path, "general").settings("general")


def test_decoded_images_and_pooled_data(tmp_path):
    (tmp_path / "data" / "general").mkdir(parents=True)
    training = _job(tmp_path, "pooled").training(None)
    assert training["tracking_uri"] == ""
    assert (training["memory_limit_gb"], training["spill_dir"]) == (0, tmp_path / "study" / "decoded")
    assert training["pooled_dir"] == tmp_path / "data" / "general"
    assert "spill_dir" not in _job(tmp_path, "general", keep_decoded=False).training(None)
