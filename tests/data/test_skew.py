"""Sections whose size or mix is not by chance; ordinary random splits, in which nothing is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from monai_lungxfer.data import skew
from monai_lungxfer.data.groups import group_records
from monai_lungxfer.data.partition import Split, make_split
from monai_lungxfer.data.records import Record
from monai_lungxfer.data.skew import Skew, find_skew

SHARES = (0.6, 0.2, 0.2)


def images(number: int, *, seed: int = 0) -> list[Record]:
    """Two images of each patient, of whom three in ten are healthy."""
    draws = random.Random(seed)
    healthy = {patient: draws.random() < 0.3 for patient in range(number // 2)}
    return [
        {
            "image": f"/data/{place}.png",
            "patient": f"p{place // 2}",
            "finding": "normal" if healthy[place // 2] else "covid19",
        }
        for place in range(number)
    ]


def split_by(records: list[Record], section_of) -> Split:
    names = ("training", "validation", "test")
    parts = {name: tuple(record for record in records if section_of(record) == name) for name in names}
    return Split(**parts, independent=(), seed=0, fractions=SHARES, hold_out=0.0, root=Path("/data"))


def skews(records: list[Record], split: Split, leave_out: tuple[str, ...] = ()) -> list[Skew]:
    return find_skew(records, group_records(records, ["finding"]), split, leave_out)


def at_random(records: list[Record], seed: int) -> Split:
    patients = sorted({record["patient"] for record in records})
    random.Random(seed).shuffle(patients)
    place = {patient: number / len(patients) for number, patient in enumerate(patients)}
    return split_by(
        records,
        lambda r: "training" if place[r["patient"]] < 0.6 else "validation" if place[r["patient"]] < 0.8 else "test",
    )


def test_nothing_is_told_of_random_and_of_stratified_splits() -> None:
    records = images(200)
    assert sum(bool(skews(records, at_random(records, seed))) for seed in range(20)) <= 1
    assert not any(skews(records, make_split(records, seed)) for seed in range(5))


def test_a_section_without_a_finding_is_told_with_its_first_record() -> None:
    records = images(400)
    ill = [record["patient"] for record in records if record["finding"] == "covid19"][:80]
    split = split_by(records, lambda r: "test" if r["patient"] in ill else at(r))
    normal = sum(record["finding"] == "normal" for record in records) / 400
    found = {one.message: one.record for one in skews(records, split)}
    message = f"0% of the images in test have finding normal, of all {normal:.0%}"
    assert message in found
    assert records[found[message]] in split.test
    assert all(record not in split.test for record in records[: found[message]])


def at(record: Record) -> str:
    """Give a quarter of the patients to validation, of each finding alike."""
    return "validation" if int(record["patient"][1:]) // 2 % 4 == 0 else "training"


def test_small_and_large_sections_are_told() -> None:
    records = images(200)
    split = split_by(records, lambda r: "test" if r["patient"] in ("p1", "p2") else at(r))
    messages = [one.message for one in skews(records, split)]
    assert "test has 2% of the images, where 20% are wanted" in messages
    assert not any(message.startswith(("training", "validation")) for message in messages[:-1])


def test_two_patients_with_many_images_do_not_excuse_a_mix_that_they_make() -> None:
    records = images(400)
    for number in range(80):
        patient = f"many{number % 2}"
        records.append({"image": f"/data/many{number}.png", "patient": patient, "finding": "normal"})
    many = {"many0": "test", "many1": "training"}
    split = split_by(records, lambda r: many.get(r["patient"]) or ("test" if r["patient"].endswith("9") else at(r)))
    told = [one.message for one in skews(records, split, ("many0", "many1"))]
    assert any(message.endswith("% of the images in test have finding normal, of all 38%") for message in told)
    assert not any("finding" in one.message for one in skews(records, split))


def test_a_small_shift_that_is_not_by_chance_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skew, "_DRAWS", 200)
    records = [
        {"image": f"/data/{place}.png", "patient": f"p{place}", "finding": "normal" if place % 2 else "covid19"}
        for place in range(12000)
    ]
    split = split_by(records, lambda r: "test" if int(r["patient"][1:]) // 2 % 200 < 38 + 6 * is_normal(r) else at(r))
    shares = [sum(map(is_normal, part)) / len(part) for part in split.sections.values() if part]
    assert all(abs(share - 0.5) < 0.05 for share in shares)
    assert skews(records, split) == []
    monkeypatch.setattr(skew, "LEAST_SHIFT", 0)
    assert skews(records, split)


def is_normal(record: Record) -> bool:
    return record["finding"] == "normal"
