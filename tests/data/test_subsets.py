"""Parts of the training images: nested, by patient, repeated to the same number of steps."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from monai_lungxfer.data.subsets import draw_order, take_images
from monai_lungxfer.utils.errors import DatalistError

RECORDS = [{"image": f"{number}.png", "patient": f"p{number // 3}"} for number in range(14)]


def test_an_order_has_each_image_once_and_patients_in_a_row() -> None:
    order = draw_order(RECORDS, seed=4)
    assert sorted(order) == list(range(14))
    patients = [RECORDS[place]["patient"] for place in order]
    changes = sum(one != other for one, other in itertools.pairwise(patients))
    assert changes == len(set(patients)) - 1
    assert order == draw_order(RECORDS, seed=4)
    assert len({tuple(draw_order(RECORDS, seed)) for seed in range(8)}) > 1


def test_a_smaller_part_is_contained_in_a_larger_one_and_both_are_as_long_as_all() -> None:
    small, large = (take_images(RECORDS, count, seed=1) for count in (4, 9))
    names = [{record["image"] for record in part} for part in (small, large)]
    assert names[0] < names[1]
    assert [len(one) for one in names] == [4, 9]
    assert len(small) == len(large) == len(RECORDS)
    assert set(Counter(record["image"] for record in small).values()) == {3, 4}


def test_an_order_of_ones_own_is_followed() -> None:
    taken = take_images(RECORDS, 2, order=list(range(13, -1, -1)))
    assert [record["image"] for record in taken[:3]] == ["13.png", "12.png", "13.png"]


@pytest.mark.parametrize("count", [0, 14, 15])
def test_a_part_must_be_smaller_than_all(count: int) -> None:
    with pytest.raises(DatalistError, match=f"{count} of 14 training images"):
        take_images(RECORDS, count)


def test_an_order_of_other_records_is_refused() -> None:
    with pytest.raises(DatalistError, match="of another split"):
        take_images(RECORDS, 2, order=[0, 1, 2])
