"""A plan is valid once read, and says what is wrong with it otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monai_lungxfer.study.plan.arms import DEFAULT_ARMS, DONOR
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import PlanError


def read(folder: Path, **keys: Any) -> StudyPlan:
    (folder / "plan.yaml").write_text(yaml.safe_dump({"data": "data", "out": "out"} | keys))
    return StudyPlan.from_file(folder / "plan.yaml")


def portable(**keys: Any) -> dict[str, Any]:
    return {"stages": {"portable": keys}}


def test_what_is_not_said_is_as_in_the_paper(tmp_path: Path) -> None:
    plan = read(tmp_path)
    assert (plan.repetitions, plan.fractions, plan.hold_out, plan.arms) == (25, (0.6, 0.2, 0.2), 0.5, DEFAULT_ARMS)
    assert (plan.independent, plan.general, plan.retention, plan.native) == ("fixed", None, False, False)
    for stage in (plan.stages.donor, plan.stages.general, plan.stages.portable):
        assert (stage.image_size, stage.learning_rate, stage.early_stop_patience) == (256, 0.001, 20)


def test_paths_start_at_the_plans_folder(tmp_path: Path) -> None:
    (tmp_path / "hub.pt").touch()
    plan = read(tmp_path, donor="hub.pt", data=str(tmp_path / "elsewhere"))
    assert plan.out == tmp_path / "out"
    assert plan.data == tmp_path / "elsewhere"
    assert plan.donor == str(tmp_path / "hub.pt")
    for name in ("models:/lungs@champion", "donor", "lgg_mri_segmentation"):
        assert read(tmp_path, donor=name).donor == name
    assert read(tmp_path, donor="gone.pt").donor == str(tmp_path / "gone.pt")


def test_steps_follow_from_arms_given_weights_and_retention(tmp_path: Path) -> None:
    arms = ["paper", "pooled"]
    plan = read(tmp_path, arms=arms)
    assert (plan.given, [step.name for step in plan.steps]) == ((DONOR,), ["general", "portable", "pooled"])
    (tmp_path / "general.pt").touch()
    plan = read(tmp_path, arms=arms, retention=True, general="general.pt")
    assert plan.general == str(tmp_path / "general.pt")
    assert (plan.given, [step.name for step in plan.steps]) == (
        (DONOR, "general"),
        [DONOR, "general", "portable", "pooled"],
    )


def test_devices_are_named_as_in_pytorch(tmp_path: Path) -> None:
    assert [read(tmp_path, device=name).device for name in ("auto", "cpu", "cuda:1")] == ["auto", "cpu", "cuda:1"]


def test_a_stage_takes_any_setting_of_its_bundle(tmp_path: Path) -> None:
    settings = {"train#random_transforms#0#prob": 0.5, "lr_patience": 2}
    plan = read(tmp_path, **portable(image_size=64, learning_rate="1e-2", settings=settings))
    overrides = plan.stages.portable.overrides()
    assert overrides["image_size"] == [64, 64]
    assert overrides["learning_rate"] == 0.01
    assert overrides["lr_patience"] == 2
    assert plan.stages.general.overrides()["image_size"] == [256, 256]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"repetition": 3}, "the plan has no key 'repetition'; did you mean 'repetitions'"),
        ({"repetitions": 0}, "repetitions: Input should be greater than or equal to 1, found 0"),
        ({"repetitions": "many"}, "repetitions: Input should be a valid integer, found 'many'"),
        ({"repetitions": True}, "repetitions: Input should be a valid integer, found True"),
        ({"seed": -1, "gpus": -1}, "seed: .*found -1; gpus: .*found -1"),
        ({"arms": ["papr"]}, "arms: there is no arm 'papr'; did you mean 'paper'"),
        ({"arms": ["paper", "paper"]}, "the arm 'paper' is there 2 times"),
        ({"arms": []}, "arms: .*at least 1 item"),
        ({"arms": "paper"}, "arms: should be a list, found 'paper'"),
        ({"parent": "worst"}, "parent: Input should be 'own' or 'best', found 'worst'"),
        ({"precision": "half"}, "precision: Input should be .*'float16', found 'half'"),
        ({"fractions": [0.5, 0.5, 0.5]}, "fractions: .*are not shares"),
        ({"independent": "once"}, "independent: Input should be 'fixed' or 'fresh', found 'once'"),
        (portable(settings={"hold_out_seed": 1}), "'hold_out_seed' .* follows from the plan's key 'independent'"),
        ({"hold_out": 0}, "hold_out: Input should be greater than 0"),
        ({"data": None}, "data: should be a path, found None"),
        ({"stages": {"portabel": {}}}, "stages has no key 'portabel'; did you mean 'portable'"),
        ({"stages": 3}, "stages: should hold keys with values, found 3"),
        (portable(epochs=3), "stages.portable has no key 'epochs'; did you mean 'max_epochs'"),
        (portable(image_size=100), "stages.portable.image_size: .*multiple of 16, found 100"),
        (
            portable(settings={"lr_patienc": 1}),
            "stages.portable.settings has no setting 'lr_patienc'; did you mean 'lr_pat",
        ),
        (portable(settings={"max_epochs": 1}), "give stages.portable.max_epochs instead of the setting 'max_epochs'"),
        (
            portable(settings={"seed": 1}),
            "the setting 'seed' of stages.portable.settings follows from the plan's key 'seed'",
        ),
        (portable(settings={"resume_point#path": "x.pt"}), "'resume_point#path' .* follows from the plan's key 'out'"),
        (portable(settings={"train#dataset#data": []}), "'train#dataset#data' .* follows from the plan's key 'data'"),
        (portable(settings={"+train#dataset": {}}), r"'\+train#dataset' .* follows from the plan's key 'data'"),
        ({"device": "cuba"}, "device: there is no device 'cuba'; did you mean 'cuda'"),
        ({"device": "cuda:first"}, "device: there is no device 'cuda:first'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=rf"plan\.yaml: .*{message}") as raised:
        read(tmp_path, **keys)
    assert "lungxfer study plan" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [", "cannot be read as a plan"),
        ("- data", "holds no keys"),
        ("data: !!python/object/apply:os.getcwd []", "cannot be read as a plan"),
        ("data: x", "out: is missing"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanError, match=message):
        StudyPlan.from_file(tmp_path / "plan.yaml")


def test_a_folder_without_a_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"plan\.yaml: cannot be read as a plan"):
        StudyPlan.from_file(tmp_path)


def test_a_plan_that_was_written_reads_the_same_from_anywhere(tmp_path: Path) -> None:
    plan = read(tmp_path, **portable(max_epochs=3, settings={"lr_patience": 2}))
    plan.write(tmp_path / "study" / "plan.yaml")
    assert StudyPlan.from_file(tmp_path / "study" / "plan.yaml") == plan
    assert StudyPlan.from_file(tmp_path / "study") == plan.model_copy(update={"out": tmp_path / "study"})


def test_a_study_that_began_without_the_choice_draws_its_halves_anew(tmp_path: Path) -> None:
    study = tmp_path / "study"
    read(tmp_path).write(study / "plan.yaml")
    content = yaml.safe_load((study / "plan.yaml").read_text())
    del content["independent"]
    (study / "plan.yaml").write_text(yaml.safe_dump(content))
    assert StudyPlan.from_file(study).independent == "fresh"


def test_parts_of_the_training_images_are_steps_of_their_own(tmp_path: Path) -> None:
    before = read(tmp_path, arms=["paper", "general_only"])
    keys: dict[str, Any] = {"arms": ["paper", "general_only"], "training_images": [20, 5, "all"]}
    drawn = read(tmp_path, **keys)
    assert drawn.curve_arms == ("paper",)
    assert [step.name for step in drawn.steps] == ["general", "portable", "portable-n5", "portable-n20"]
    assert drawn.steps[: len(before.steps)] == before.steps
    both = read(tmp_path, **keys, training_choice=["random", "select"])
    assert [step.name for step in both.sized_steps] == ["portable-n5", "portable-n20", "portable-s5", "portable-s20"]
    assert read(tmp_path, **keys, training_choice="select").training_choice == ("select",)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training_images": [5, 5]}, "the entry 5 is there 2 times"),
        ({"training_images": [0]}, "training_images"),
        ({"training_images": ["some"]}, "training_images"),
        ({"training_choice": "best"}, "training_choice"),
        ({"training_choice": []}, "training_choice"),
        ({"training_images": [5], "training_arms": ["general_only"]}, "general_only"),
        ({"training_images": [5], "training_arms": ["pooled"]}, "pooled"),
    ],
)
def test_parts_that_make_no_sense(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read(tmp_path, arms=["paper", "general_only", "pooled"], **keys)
