"""Groups of records by a field: texts, ranges of numbers, what is missing, and what would tell who an image is of."""

from __future__ import annotations

import logging

import pytest

from monai_lungxfer.data.groups import group_records
from monai_lungxfer.utils.errors import LungXferError


def sizes(values: list, field: str) -> dict[str, int]:
    groups = group_records([{} if value is None else {field: value} for value in values], [field])[field]
    assert sorted(place for places in groups.values() for place in places) == list(range(len(values)))
    return {name: len(places) for name, places in groups.items()}


def test_texts_are_groups_in_the_order_of_the_alphabet_and_what_is_missing_is_the_last() -> None:
    records = [{"device": name} for name in ("Mobilett", "DRX", "Mobilett", "DRX")] + [{}, {"device": None}]
    assert group_records(records, ["device"]) == {
        "device": {"DRX": [1, 3], "Mobilett": [0, 2], "unknown": [4, 5]},
    }


def test_a_missing_value_and_the_text_unknown_are_one_group() -> None:
    assert sizes(["unknown", None, float("nan"), " ", "DRX", "DRX"], "device") == {"DRX": 2, "unknown": 4}


def test_ages_are_in_ranges_however_they_are_written() -> None:
    ages = [0, 0.9, "011M", 1, 17.9, "018Y", 39, "40", "64", 65, 79, "080Y", 101, None]
    expected = {"0": 3, "1 to 17": 2, "18 to 39": 2, "40 to 64": 2, "65 to 79": 2, "from 80": 2, "unknown": 1}
    assert sizes(ages, "age") == expected
    assert list(sizes(ages, "age")) == list(expected)


def test_marks_of_foreign_objects() -> None:
    shares = [0.0, 0, 0.004, 0.01, 0.02, 0.3, None]
    records = [{} if share is None else {"ignore_fraction": share, "ignore": f"{share}.png"} for share in shares]
    found = group_records(records, ["ignore", "ignore_fraction"])
    assert found["ignore"] == {"marked": [2, 3, 4, 5], "none": [0, 1], "unknown": [6]}
    assert found["ignore_fraction"] == {
        "0": [0, 1],
        "over 0 to 0.01": [2, 3],
        "over 0.01 to 0.05": [4],
        "over 0.05": [5],
        "unknown": [6],
    }


def test_other_numbers_are_in_quarters_unless_they_are_few() -> None:
    assert sizes(list(range(100, 0, -1)), "width") == {
        "up to 25.75": 25,
        "over 25.75 to 50.5": 25,
        "over 50.5 to 75.25": 25,
        "over 75.25": 25,
    }
    assert sizes([125, 80, 80, 110, 110, 9], "kilovolt") == {"9": 1, "80": 2, "110": 2, "125": 1}
    assert sizes([1] * 90 + list(range(2, 12)), "skewed") == {"up to 1": 90, "over 1": 10}


@pytest.mark.parametrize("field", ["patient", "image", "label"])
def test_what_names_patients_is_refused_even_if_it_is_a_number(field: str) -> None:
    with pytest.raises(LungXferError, match=f"cannot be grouped by {field}, which says who"):
        group_records([{field: 1}] * 40, [field])


def test_texts_that_could_tell_patients_are_refused_and_not_told() -> None:
    with pytest.raises(LungXferError, match="has 4 different values in 6 images") as refused:
        sizes(["Smith", "Jones", "Kim", "Lee", "Lee", "Lee"], "name")
    assert "Smith" not in str(refused.value)
    assert sizes(["A", "B", "C", "C", "C", "C"], "ward") == {"A": 1, "B": 1, "C": 4}
    assert sizes(["normal", "covid19"], "finding") == {"covid19": 1, "normal": 1}  # rows have it in any case


def test_a_field_that_no_record_has_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert sizes([None, None], "vew") == {"unknown": 2}
    assert "No record has the field vew" in caplog.text
