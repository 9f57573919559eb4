"""A study goes on only with the plan, the data and the donor that it began with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_study import STAGE, tiny_plan

from monai_lungxfer.study.execution.begin import Study, begin_study
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import DatalistError, PlanError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import input_size


def begun(inputs: Path, folder: Path, **keys: Any) -> Study:
    return begin_study(StudyPlan.from_file(tiny_plan(inputs, folder, **keys)))


@pytest.fixture
def own_inputs(study_inputs: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(study_inputs, tmp_path / "inputs"))


def test_plan_data_and_donor_are_written_down(study_inputs: Path, tmp_path: Path) -> None:
    study = begun(study_inputs, tmp_path, threads=None)
    assert StudyPlan.from_file(study.paths.path) == study.plan
    assert study.plan.threads == study.threads >= 1
    assert set(study.facts["data"]) == {"general", "portable"}
    assert study.facts["donor"] == hash_file(study_inputs / "donor.pt") == hash_file(study.paths.given("donor"))
    assert input_size(study.paths.given("donor")) == [256, 256]
    again = begun(study_inputs, tmp_path, threads=None)
    assert again == study


def test_arms_repetitions_and_machine_may_change(study_inputs: Path, tmp_path: Path) -> None:
    first = begun(study_inputs, tmp_path)
    other = begun(study_inputs, tmp_path, arms=["paper", "scratch"], repetitions=3, threads=2, gpus=1, retries=0)
    assert other.facts == first.facts
    assert [step.name for step in other.steps] == ["general", "general_scratch", "portable", "portable_scratch"]
    assert StudyPlan.from_file(other.paths.path).repetitions == 3


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"hold_out": 0.4}, "hold_out was 0.5, is 0.4"),
        ({"donor": "donor"}, "donor was .*is 'donor'"),
        ({"stages": {"general": STAGE, "portable": STAGE | {"max_epochs": 9}}}, "stages was .*'max_epochs': 9"),
    ],
)
def test_another_method_in_the_same_folder_is_refused(
    study_inputs: Path, tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    kept = begun(study_inputs, tmp_path)
    with pytest.raises(PlanError, match=message):
        begun(study_inputs, tmp_path, **keys)
    assert StudyPlan.from_file(kept.paths.path) == kept.plan


def test_the_best_parent_is_of_a_fixed_number_of_repetitions(study_inputs: Path, tmp_path: Path) -> None:
    begun(study_inputs, tmp_path, parent="best")
    with pytest.raises(PlanError, match="repetitions was 2, is 3"):
        begun(study_inputs, tmp_path, parent="best", repetitions=3)


def test_a_plan_from_before_there_was_a_fixed_half_continues_its_study(study_inputs: Path, tmp_path: Path) -> None:
    study = begun(study_inputs, tmp_path, independent="fresh")
    kept = yaml.safe_load(study.paths.plan.read_text())
    del kept["independent"]
    study.paths.plan.write_text(yaml.safe_dump(kept))
    assert begun(study_inputs, tmp_path).plan.independent == "fresh"
    with pytest.raises(PlanError, match="independent was 'fresh', is 'fixed'"):
        begun(study_inputs, tmp_path, independent="fixed")


def test_other_images_are_refused(own_inputs: Path, tmp_path: Path) -> None:
    begun(own_inputs, tmp_path)
    image = next((own_inputs / "data" / "portable" / "images").iterdir())
    image.write_bytes(image.read_bytes() + b"\n")
    with pytest.raises(PlanError, match="other portable images"):
        begun(own_inputs, tmp_path)


def test_another_donor_changes_nothing_once_the_study_has_begun(own_inputs: Path, tmp_path: Path) -> None:
    """Its copy is what counts; a registry's alias, for one, may point elsewhere the next day."""
    study = begun(own_inputs, tmp_path)
    torch.save({}, own_inputs / "donor.pt")
    assert begun(own_inputs, tmp_path).facts == study.facts
    study.paths.given("donor").write_bytes(b"damaged")
    with pytest.raises(PlanError, match="began with other donor"):
        begun(own_inputs, tmp_path)
    study.paths.given("donor").unlink()
    with pytest.raises(PlanError, match="copy of the donor weights is gone"):
        begun(own_inputs, tmp_path)


def test_a_donor_that_was_moved_or_deleted_is_not_missed(own_inputs: Path) -> None:
    facts = begun(own_inputs, own_inputs, donor="donor.pt").facts
    (own_inputs / "donor.pt").rename(own_inputs / "moved.pt")
    assert begun(own_inputs, own_inputs, donor="donor.pt").facts == facts
    assert begun(own_inputs, own_inputs, donor="moved.pt").facts == facts
    torch.save({}, own_inputs / "other.pt")
    for other in ("other.pt", "nowhere.pt"):
        with pytest.raises(PlanError, match=f"donor was .*moved.pt', is .*{other}'"):
            begun(own_inputs, own_inputs, donor=other)


def test_only_what_the_arms_need_is_asked_for(own_inputs: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_inputs / "data" / "general")
    study = begun(own_inputs, tmp_path, arms=["donor_to_portable"])
    assert set(study.facts["data"]) == {"portable"}
    shutil.rmtree(tmp_path / "study")
    (own_inputs / "donor.pt").unlink()
    shutil.copytree(own_inputs / "data" / "portable", own_inputs / "data" / "general")
    assert begun(own_inputs, tmp_path, arms=["scratch"], allow_shared_patients=True).facts["donor"] is None


def test_a_patient_in_both_data_sets_is_refused_unless_allowed(own_inputs: Path, tmp_path: Path) -> None:
    lists = [own_inputs / "data" / stage / "datalist.json" for stage in ("general", "portable")]
    general, portable = (json.loads(path.read_text()) for path in lists)
    portable[0]["patient"] = general[0]["patient"]
    lists[1].write_text(json.dumps(portable))
    with pytest.raises(DatalistError, match=r"1 patients .*general and portable"):
        begun(own_inputs, tmp_path)
    assert begun(own_inputs, tmp_path, allow_shared_patients=True).plan.allow_shared_patients


def test_nothing_is_written_for_data_that_is_not_there(study_inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match="there is no such folder"):
        begun(study_inputs, tmp_path, data=str(tmp_path / "nowhere"))
    assert not (tmp_path / "study" / "plan.yaml").exists()


def test_more_images_than_there_are_for_training(study_inputs: Path, tmp_path: Path) -> None:
    training = len(begun(study_inputs, tmp_path / "a", training_images=[2]).plan.sized_steps)
    assert training == 1
    with pytest.raises(PlanError, match=r"training_images has 20, but repetition 0 has \d+ training images"):
        begun(study_inputs, tmp_path / "b", training_images=[2, 20])


def test_general_weights_are_kept_for_the_choice_of_images(study_inputs: Path, tmp_path: Path) -> None:
    keys = {"general": str(study_inputs / "donor.pt"), "arms": ["portable_only"], "training_images": [2]}
    for choice, is_kept in (("random", False), ("select", True)):
        study = begun(study_inputs, tmp_path / choice, training_choice=choice, **keys)
        assert study.paths.given("general").is_file() == is_kept
        assert (study.facts["general"] is not None) == is_kept


def test_sizes_may_be_added_to_a_study_that_has_begun(study_inputs: Path, tmp_path: Path) -> None:
    begun(study_inputs, tmp_path)
    study = begun(study_inputs, tmp_path, training_images=[2, 4])
    assert [step.name for step in study.steps] == ["general", "portable", "portable-n2", "portable-n4"]
