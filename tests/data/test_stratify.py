"""Patients are shared out to sections near to the wanted shares."""

from __future__ import annotations

from collections import Counter

import pytest

from monai_lungxfer.data.stratify import assign_patients
from monai_lungxfer.utils.errors import DatalistError


def _records(findings: dict[str, int]) -> list[dict]:
    return [
        {"image": f"{finding}{i}.png", "patient": f"{finding}-{i}", "finding": finding}
        for finding, number in findings.items()
        for i in range(number)
    ]


def test_each_finding_gets_its_share_of_every_section():
    records = _records({"normal": 60, "covid19": 30, "pathological": 10})
    section_of = assign_patients(records, {"training": 0.6, "test": 0.4, "nothing": 0.0}, "7")
    counts = Counter((record["finding"], section_of[record["patient"]]) for record in records)
    assert {section for _, section in counts} == {"training", "test"}
    for finding, number in (("normal", 60), ("covid19", 30), ("pathological", 10)):
        assert counts[finding, "training"] == pytest.approx(0.6 * number, abs=2)
    assert assign_patients(records[::-1], {"training": 0.6, "test": 0.4, "nothing": 0.0}, "7") == section_of


def test_every_section_has_a_patient_or_there_are_too_few():
    shares = {"training": 0.98, "validation": 0.01, "test": 0.01}
    assert set(assign_patients(_records({"normal": 3}), shares, "0").values()) == set(shares)
    with pytest.raises(DatalistError, match="2 patients cannot be split over 3 sections"):
        assign_patients(_records({"normal": 2}), shares, "0")
