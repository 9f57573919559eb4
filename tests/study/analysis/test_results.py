"""Reading a study's folder: what is in it, what is left out, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from study_folder import EPOCHS, STEPS

from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError


def test_finished_steps_are_read_and_others_counted(results: StudyResults) -> None:
    assert results.planned == 5
    assert results.finished() == results.finished("paper") == 4
    assert results.finished("general_only") == 5
    assert results.arms == ("paper", "general_only", "donor_to_portable", "scratch")
    assert len(results.steps) == 4 * len(STEPS) + 1
    assert set(results.epochs[results.epochs.step == "portable"].repetition) == {0, 1, 2, 3}


def test_an_arm_that_was_taken_out_of_the_plan_is_nowhere(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    change_plan(copy, arms=("paper", "donor_to_portable"))
    results = StudyResults.read(copy)
    assert results.arms == ("paper", "donor_to_portable")
    for table in (results.steps, results.epochs, results.images, results.calibration):
        assert set(table.step) == {"general", "portable", "portable_from_donor"}


def test_repetitions_are_in_the_order_of_their_numbers(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    for old, new in ((2, 101), (3, 1000)):
        (copy / f"repetition-00{old}").rename(copy / f"repetition-{new}")
    assert list(StudyResults.read(copy).steps.repetition.unique()) == [0, 1, 4, 101, 1000]


def test_records_of_steps_that_were_done_earlier_may_tell_more(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    for path in (copy / "repetition-000").glob("*/step.json"):
        changed(path, {"status": "FINISHED", "arms": ["paper"], "stage": "portable"})
    assert StudyResults.read(copy).finished() == 4


def test_rows_are_those_of_the_reports(study: Path, results: StudyResults) -> None:
    report = json.loads((study / "repetition-002" / "portable" / "independent.json").read_text())
    rows = results.after()
    rows = rows[rows.repetition == 2]
    assert list(rows.image) == [row["image"] for row in report["rows"]]
    assert list(rows.DICE) == [row["DICE"] for row in report["rows"]]
    assert set(rows.finding) == {"covid19", "normal", "pathological"}
    before = results.before()
    assert list(before[before.repetition == 2].image) == list(rows.image)


def test_images_of_a_patient_belong_together_in_all_repetitions(results: StudyResults) -> None:
    after = results.after()
    patients = after.groupby("image").patient.unique()
    assert patients.map(len).eq(1).all()
    assert after.groupby("patient").image.nunique().eq(2).all()
    assert not after.patient.str.contains("Smith").any()


def test_epochs_and_calibration(results: StudyResults) -> None:
    epochs = results.epochs[results.epochs.step == "portable"].groupby("repetition").epoch.max()
    assert epochs.to_dict() == dict(enumerate(EPOCHS["portable"][:4]))
    bins = results.calibration
    bins = bins[(bins.step == "portable") & (bins.section == "before") & (bins.repetition == 0)]
    assert bins.probability.tolist() == pytest.approx([0.05 + 0.1 * number for number in range(10)])


def change_plan(study: Path, **keys: Any) -> None:
    StudyPlan.from_file(study).model_copy(update=keys).write(study / "plan.yaml")


def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "study", ignore=shutil.ignore_patterns("report.html", "figures")))


def changed(path: Path, change: dict[str, Any]) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | change))


def test_distances_in_the_rarer_unit_are_left_out(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    path = copy / "repetition-000" / "portable" / "independent.json"
    report = json.loads(path.read_text())
    report["rows"][0] |= {"distances_in": "mm", "HD95": 3.0}
    path.write_text(json.dumps(report))
    results = StudyResults.read(copy)
    after = results.after()
    assert results.distance_unit == "pixels"
    assert after.HD95.isna().sum() == after.ASD.isna().sum() == 1
    assert after.DICE.notna().all()


def test_the_independent_half_has_the_unit(study: Path, tmp_path: Path) -> None:
    """Test parts of MRI and of general radiographs, which have no spacing, are many more images."""
    copy = copied(study, tmp_path)
    for path in copy.glob("repetition-*/*/*.json"):
        report = json.loads(path.read_text())
        if path.stem in ("before", "independent"):
            report["rows"] = [row | {"distances_in": "mm"} for row in report["rows"]]
            path.write_text(json.dumps(report))
        elif path.stem == "test":
            report["rows"] += [row | {"image": f"{n} {row['image']}"} for n in range(9) for row in report["rows"]]
            path.write_text(json.dumps(report))
    results = StudyResults.read(copy)
    assert results.images.distances_in.value_counts().idxmax() == "pixels"
    assert results.distance_unit == "mm"
    assert results.after().HD95.notna().all()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("portable/step.json", {"weights_sha256": "0" * 64}, "not measured with the step's own weights"),
        ("portable/step.json", {"parent_sha256": "0" * 64}, "not measured with the weights of the step's parent"),
        ("portable/before.json", {"split": "other"}, "different splits"),
        ("portable/before.json", {"rows": []}, "has no rows"),
        ("general/test.json", {"calibration": None}, None),
    ],
)
def test_contradictions_are_refused(study: Path, tmp_path: Path, file: str, change: dict, message: str | None) -> None:
    copy = copied(study, tmp_path)
    path = copy / "repetition-001" / file
    if message is None:
        content = json.loads(path.read_text())
        del content["calibration"]
        path.write_text(json.dumps(content))
        message = "has no calibration"
    else:
        changed(path, change)
    with pytest.raises(LungXferError, match=message) as caught:
        StudyResults.read(copy)
    assert "repetition-001" in str(caught.value)
    assert "lungxfer study run" in str(caught.value)


@pytest.mark.parametrize("name", ["before", "independent"])
def test_the_papers_arm_without_both_moments_is_refused(study: Path, tmp_path: Path, name: str) -> None:
    copy = copied(study, tmp_path)
    (copy / "repetition-002" / "portable" / f"{name}.json").unlink()
    with pytest.raises(LungXferError, match="lacks"):
        StudyResults.read(copy)


def test_other_images_before_than_after_are_refused(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    path = copy / "repetition-001" / "portable" / "before.json"
    changed(path, {"rows": json.loads(path.read_text())["rows"][1:]})
    with pytest.raises(LungXferError, match="different images"):
        StudyResults.read(copy)


def test_damaged_files_are_named(study: Path, tmp_path: Path) -> None:
    copy = copied(study, tmp_path)
    (copy / "repetition-000" / "general" / "epochs.csv").write_text("epoch,train_loss\n1,0.5\n")
    with pytest.raises(LungXferError, match=r"epochs\.csv: has no val_loss, val_dice"):
        StudyResults.read(copy)
    (copy / "repetition-000" / "general" / "step.json").write_text("{")
    with pytest.raises(LungXferError, match=r"step\.json: is not a JSON file .*lungxfer study run"):
        StudyResults.read(copy)


def test_what_is_no_study_is_refused(study: Path, tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match=r"no plan\.yaml"):
        StudyResults.read(tmp_path)
    (tmp_path / "plan.yaml").write_text("- a list")
    with pytest.raises(LungXferError, match="holds no keys"):
        StudyResults.read(tmp_path)
    shutil.copy(study / "plan.yaml", tmp_path)
    with pytest.raises(LungXferError, match="no repetition has finished the step portable"):
        StudyResults.read(tmp_path)
