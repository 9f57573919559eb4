"""Drawing splits: by patient, near to the wanted shares overall and by finding, and repeatable."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from split_records import UNEVEN, count_findings, image_names, make_records

from monai_lungxfer.data.partition import SECTIONS, Split, make_split
from monai_lungxfer.utils.errors import DatalistError


@given(
    sizes=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=15), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
    hold_out=st.sampled_from([0.0, 0.3, 0.5]),
)
@settings(max_examples=60, deadline=None)
def test_every_image_stands_once_and_no_patient_stands_twice(sizes, seed, hold_out):
    records = make_records(Path("/data"), {f"f{i}": numbers for i, numbers in enumerate(sizes)})
    try:
        split = make_split(records, seed, hold_out=hold_out)
    except DatalistError as error:
        assert "cannot be split over" in str(error)  # noqa: PT017
        return
    placed = [record["image"] for part in split.sections.values() for record in part]
    assert sorted(placed) == sorted(record["image"] for record in records)
    owners = [{record["patient"] for record in part} for part in split.sections.values()]
    assert sum(map(len, owners)) == len(set.union(*owners))
    assert all(split.sections[name] for name in SECTIONS[:3])
    assert bool(split.independent) == (hold_out > 0)


@pytest.mark.parametrize("seed", range(5))
def test_shares_overall_and_by_finding(seed):
    sizes = {"covid19": [1] * 60 + [2] * 20 + [6] * 5, "normal": [1] * 40 + [3] * 10, "pathological": [2] * 15}
    totals = {finding: sum(numbers) for finding, numbers in sizes.items()}
    counts = count_findings(make_split(make_records(Path("/data"), sizes), seed))
    for section, share in zip(SECTIONS, (0.6, 0.2, 0.2, 0, 0), strict=True):
        assert sum(counts[section].values()) == pytest.approx(share * sum(totals.values()), abs=3)
        for finding, total in totals.items():
            assert counts[section][finding] == pytest.approx(share * total, abs=2.5)


@pytest.mark.parametrize("seed", range(5))
def test_uneven_patients_with_half_held_out(seed):
    split = make_split(make_records(Path("/data"), UNEVEN), seed, hold_out=0.5)
    counts = count_findings(split)
    total = sum(map(sum, UNEVEN.values()))
    assert len(split.independent) == pytest.approx(total / 2, abs=1)
    assert counts["independent"]["pathological"] == 5
    rest = total - len(split.independent)
    assert [len(split.training), len(split.validation), len(split.test)] == pytest.approx(
        [0.6 * rest, 0.2 * rest, 0.2 * rest], abs=3
    )


def test_patients_with_two_findings_balance_both():
    # As in the brain MRI: each patient has slices with a lesion and without.
    records = make_records(Path("/data"), {"no lesion": [20 + i % 9 for i in range(40)]})
    for index, record in enumerate(records):
        if index % 3 == 0:
            record["finding"] = "lesion"
    counts = count_findings(make_split(records, 3))
    lesions = sum(record["finding"] == "lesion" for record in records)
    for section, share in zip(SECTIONS, (0.6, 0.2, 0.2, 0, 0), strict=True):
        assert counts[section].total() == pytest.approx(share * len(records), rel=0.1)
        assert counts[section]["lesion"] == pytest.approx(share * lesions, rel=0.1)


def test_order_of_records_and_place_of_the_data_do_not_matter():
    first = make_split(make_records(Path("/data"), UNEVEN), 7, hold_out=0.5)
    shuffled = make_records(Path("/home/someone/else"), UNEVEN)
    random.Random(1).shuffle(shuffled)
    second = make_split(shuffled, 7, hold_out=0.5)
    assert image_names(first) == image_names(second)
    assert first.hash == second.hash
    assert [Path(r["image"]).name for r in first.training] == [Path(r["image"]).name for r in second.training]


def test_the_draw_stays_the_same_between_versions():
    split = make_split(make_records(Path("/data"), {"normal": [1, 2, 1, 1, 3, 1], "covid19": [2, 1, 1]}), 5)
    assert {name: sorted({r["patient"] for r in part}) for name, part in split.sections.items()} == {
        "training": ["covid190", "normal1", "normal4"],
        "validation": ["covid191", "normal3", "normal5"],
        "test": ["covid192", "normal0", "normal2"],
        "independent": [],
        "locked": [],
    }


def test_seeds_give_really_different_splits():
    records = make_records(Path("/data"), UNEVEN)
    tests = [image_names(make_split(records, seed))["test"] for seed in range(10)]
    overlaps = [len(a & b) / len(a) for i, a in enumerate(tests) for b in tests[:i]]
    assert sum(overlaps) / len(overlaps) < 0.4  # by chance 0.2


def test_patients_with_many_images_reach_every_section():
    records = make_records(Path("/data"), UNEVEN)
    places = {
        name
        for seed in range(30)
        for name, part in make_split(records, seed).sections.items()
        if any(record["patient"] == "covid1969" for record in part)
    }
    assert places == {"training", "validation", "test"}


def test_hash_is_of_the_partition_alone():
    split = make_split(make_records(Path("/data"), UNEVEN), 1)
    parts = {name: split.sections[name][::-1] for name in SECTIONS}
    same = Split(**parts, seed=99, fractions=(0.5, 0.3, 0.2), hold_out=0.0, root=split.root)
    assert same.hash == split.hash
    assert len(split.hash) == 64
    parts["test"], parts["validation"] = parts["validation"], parts["test"]
    assert Split(**parts, seed=1, fractions=split.fractions, hold_out=0.0, root=split.root).hash != split.hash


def test_sections_may_be_left_out():
    split = make_split(make_records(Path("/data"), UNEVEN), 1, fractions=(0.8, 0.2, 0))
    assert split.test == split.independent == ()
    assert len(split.training) == pytest.approx(0.8 * sum(map(sum, UNEVEN.values())), abs=1)


def test_records_without_a_finding():
    records = make_records(Path("/data"), {"x": [1] * 20})
    for record in records:
        del record["finding"]
    assert [len(part) for part in make_split(records, 0).sections.values()] == [12, 4, 4, 0, 0]


@pytest.mark.parametrize(("patients", "hold_out"), [(2, 0), (0, 0), (1, 0.5), (3, 0.5)])
def test_too_few_patients(patients, hold_out):
    with pytest.raises(DatalistError, match=r"patients cannot be split over \d sections"):
        make_split(make_records(Path("/data"), {"normal": [5] * patients}), 0, hold_out=hold_out)


@pytest.mark.parametrize("fractions", [(0.6, 0.2), (0.6, 0.2, 0.3), (1.2, -0.1, -0.1), (0, 0.5, 0.5)])
def test_fractions_that_are_none(fractions):
    with pytest.raises(DatalistError, match="fractions"):
        make_split(make_records(Path("/data"), UNEVEN), 0, fractions=fractions)


@pytest.mark.parametrize("hold_out", [-0.1, 1, float("nan")])
def test_hold_out_that_is_no_share(hold_out):
    with pytest.raises(DatalistError, match="hold_out"):
        make_split(make_records(Path("/data"), UNEVEN), 0, hold_out=hold_out)


def test_split_with_a_patient_in_two_sections_cannot_be_built():
    one, two = make_records(Path("/data"), {"normal": [2]})
    with pytest.raises(DatalistError, match="in validation is in training"):
        Split((one,), (two,), (), (), seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.0, root=Path("/data"))
