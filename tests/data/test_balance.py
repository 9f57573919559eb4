"""Patients with many images and groups that coincide, in lists that are drawn up and in real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_lungxfer.data.balance import find_imbalance
from monai_lungxfer.data.checks import Problem, ProblemKind
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.partition import make_split
from monai_lungxfer.data.records import Record


def kinds(problems: list[Problem]) -> list[tuple[int, ProblemKind]]:
    return [(problem.record, problem.kind) for problem in problems]


def of_patients(*images: int) -> list[Record]:
    patients = [f"secret{number}" for number, count in enumerate(images) for _ in range(count)]
    return [{"image": f"{place}.png", "patient": patient} for place, patient in enumerate(patients)]


def test_a_patient_with_more_than_a_twentieth_of_the_images_is_told() -> None:
    (problem,) = find_imbalance(of_patients(*[1] * 50, 8, *[1] * 42))
    assert (problem.record, problem.image, problem.kind) == (50, "50.png", ProblemKind.LARGE_PATIENT)
    assert problem.message == "its patient has 8 of the 100 images (8.0%)"
    assert "secret" not in problem.message + problem.remedy
    assert find_imbalance(of_patients(*[1] * 95, 5)) == []


def test_a_split_without_any_groups_can_be_judged() -> None:
    records = of_patients(*[1] * 12)
    assert find_imbalance(records, make_split(records, 0)) == []


def test_among_few_patients_none_is_large_unless_it_stands_out() -> None:
    assert find_imbalance(of_patients(4, 4, 4, 4)) == []
    assert kinds(find_imbalance(of_patients(4, 4, 4, 40))) == [(12, ProblemKind.LARGE_PATIENT)]


def grown(finding: str, source: str, number: int, **more: object) -> list[Record]:
    return [
        {"image": f"{finding}{source}{i}.png", "patient": f"{finding}{source}{i}", "finding": finding, "source": source}
        | more  # type: ignore[misc]
        for i in range(number)
    ]


def test_groups_that_coincide_are_told_once_for_each_pair_of_fields() -> None:
    records = grown("normal", "A", 40, age=4) + grown("covid19", "B", 20, age=60) + grown("normal", "B", 4, age=60)
    problems = find_imbalance(records)
    assert [problem.kind for problem in problems] == [ProblemKind.COINCIDING_GROUPS] * 3
    assert problems[0].message.startswith(
        "100% of the images with finding covid19 have source B, and 9% of the others: a difference between groups"
    )
    assert problems[0].record == 40
    assert "source A have age 1 to 17, and 0% of the others" in problems[2].message


def test_groups_that_are_spread_or_small_do_not_coincide() -> None:
    assert find_imbalance(grown("normal", "A", 40) + grown("covid19", "A", 20) + grown("normal", "B", 20)) == []
    assert find_imbalance(grown("normal", "A", 40) + grown("covid19", "B", 9)) == []
    assert find_imbalance(grown("normal", "A", 40) + grown("covid19", "A", 40)) == []


def test_what_is_unknown_coincides_with_nothing() -> None:
    records = grown("normal", "A", 40) + grown("covid19", "B", 40)
    for record in records[40:]:
        del record["source"]
    assert find_imbalance(records) == []


@pytest.fixture(scope="module")
def earlier(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """The general list as it was, with 324 healthy children under two names; which had whom is not known exactly."""
    records = json.loads((shared_data / "general" / "datalist.json").read_text())
    for record in records:
        if record["patient"].startswith("kermany-normal-"):
            record["patient"] = "kermany-" + ("NORMAL2-IM" if record["image"] < "images/kermany-964719" else "IM")
    file = tmp_path_factory.mktemp("earlier") / "datalist.json"
    file.write_text(json.dumps(records))
    return load_datalist(file)


def test_the_fault_of_the_earlier_general_list_is_told(earlier: list[Record]) -> None:
    problems = find_imbalance(earlier, make_split(earlier, 0))
    large = [problem.message for problem in problems if problem.kind == ProblemKind.LARGE_PATIENT]
    assert sorted(message.split()[3] for message in large) == ["145", "179"]
    skewed = [problem.message for problem in problems if problem.kind == ProblemKind.SKEWED_SECTION]
    assert "44% of the images in test have finding normal, of all 25%" in skewed
    assert "7% of the images in validation have finding normal, of all 25%" in skewed


def test_the_corrected_list_has_groups_that_coincide_and_nothing_else(shared_data: Path) -> None:
    records = load_datalist(shared_data / "general")
    problems = find_imbalance(records, make_split(records, 0))
    assert {problem.kind for problem in problems} == {ProblemKind.COINCIDING_GROUPS}
    told = [problem.message.split(":")[0] for problem in problems]
    assert "100% of the images with finding covid19 have source cohen-v7, and 4% of the others" in told
