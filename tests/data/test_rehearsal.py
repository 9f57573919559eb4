"""What is rehearsed: all views or some, and nobody who is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.data.datalist import save_datalist
from monai_lungxfer.data.records import Record
from monai_lungxfer.data.rehearsal import balance_views, rehearsal_records
from monai_lungxfer.data.splits import SECTIONS, Split
from monai_lungxfer.utils.errors import DatalistError


def record(folder: Path, name: str, patient: str, view: str = "PA") -> Record:
    return Record(image=str(folder / f"{name}.png"), label=str(folder / f"{name}_mask.png"), patient=patient, view=view)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """One patient a section, called as the section."""
    sections = {name: (record(tmp_path / "own", name, name),) for name in SECTIONS}
    return Split(**sections, seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.5, root=tmp_path / "own")


def saved(folder: Path, *patients: str) -> Path:
    """A data set of two images of each patient, one of them of another view."""
    views = ("PA", "AP")
    records = [
        record(folder, f"{number}{view}", patients[number], view) for number in range(len(patients)) for view in views
    ]
    save_datalist(records, folder / "datalist.json")
    return folder


def test_patients_of_nowhere_else_and_of_training_are_taken(tmp_path: Path, split: Split) -> None:
    folder = saved(tmp_path / "other", "somebody", "training")
    taken = rehearsal_records(folder, split)
    assert [(one["patient"], one["view"]) for one in taken] == [
        ("somebody", "PA"),
        ("somebody", "AP"),
        ("training", "PA"),
        ("training", "AP"),
    ]
    assert Path(taken[0]["image"]).parent == folder
    assert [one["view"] for one in rehearsal_records(folder, split, ["AP"])] == ["AP", "AP"]


@pytest.mark.parametrize("section", ["validation", "test", "independent", "locked"])
def test_a_patient_who_is_measured_is_refused_without_being_named(tmp_path: Path, split: Split, section: str) -> None:
    held = {section: (record(tmp_path / "own", "held", "Jane Roe"),)}
    split = Split(**(split.sections | held), seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.5, root=split.root)
    folder = saved(tmp_path / "other", "somebody", "Jane Roe")
    with pytest.raises(DatalistError, match=r": 1 of its patients .*validation.*allow_shared_patients") as caught:
        rehearsal_records(folder, split)
    assert "Jane" not in str(caught.value)
    assert len(rehearsal_records(folder, split, allow_shared_patients=True)) == 4


def test_patients_are_counted_of_what_is_taken_alone(tmp_path: Path, split: Split) -> None:
    folder = saved(tmp_path / "other", *SECTIONS)
    with pytest.raises(DatalistError, match=": 4 of its patients"):
        rehearsal_records(folder, split, ["AP"])


def test_views_that_no_record_has_are_not_passed_over(tmp_path: Path, split: Split) -> None:
    folder = saved(tmp_path / "other", "somebody")
    with pytest.raises(DatalistError, match=r"2 records .*pa or Lateral.*rehearsal_views"):
        rehearsal_records(folder, split, ["pa", "Lateral"])


def test_without_a_data_set_nothing_is_rehearsed(split: Split) -> None:
    assert rehearsal_records(None, split) == []


def test_every_view_is_drawn_as_often_as_every_other(tmp_path: Path) -> None:
    records = [record(tmp_path, str(number), "p", view) for number, view in enumerate(["PA", "AP", "PA", "PA"])]
    weights = balance_views([*records, {name: value for name, value in records[0].items() if name != "view"}])
    drawn = {}
    for one, weight in zip([*records, {}], weights, strict=True):
        drawn[one.get("view")] = drawn.get(one.get("view"), 0) + weight
    assert list(drawn.values()) == pytest.approx([5 / 3] * 3)
