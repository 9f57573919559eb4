"""Splits: by patient, near to the wanted shares, repeatable, and kept in a file that cannot change unseen."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import CacheDataset

from monai_lungxfer.data.datalist import load_datalist, save_datalist
from monai_lungxfer.data.splits import (
    SECTIONS,
    Split,
    check_same_data,
    ensure_split,
    load_sections,
    load_split,
    make_split,
    save_split,
)
from monai_lungxfer.utils.errors import DatalistError


def _records(root: Path, sizes: dict[str, list[int]]) -> list[dict]:
    """One patient for each number, with so many images of the finding."""
    records = []
    for finding, numbers in sizes.items():
        for patient, images in enumerate(numbers):
            name = f"{finding}{patient}"
            records += [
                {
                    "image": str(root / "images" / f"{name}_{i}.png"),
                    "label": str(root / "masks" / f"{name}_{i}.png"),
                    "patient": name,
                    "finding": finding,
                }
                for i in range(images)
            ]
    return records


def _names(split: Split) -> dict[str, set[str]]:
    return {name: {Path(record["image"]).name for record in part} for name, part in split.sections.items()}


def _counts(split: Split) -> dict[str, Counter]:
    return {name: Counter(record["finding"] for record in part) for name, part in split.sections.items()}


# As unbalanced as the portable set: many patients of one image, few of many, one rare finding.
UNEVEN = {"covid19": [1] * 44 + [2] * 17 + [3] * 6 + [4, 5, 7], "pathological": [4, 3, 2, 1], "normal": [1]}


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data"
    save_datalist(_records(folder, UNEVEN), folder / "datalist.json")
    return folder


@given(
    sizes=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=15), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
    hold_out=st.sampled_from([0.0, 0.3, 0.5]),
)
@settings(max_examples=60, deadline=None)
def test_every_image_stands_once_and_no_patient_stands_twice(sizes, seed, hold_out):
    records = _records(Path("/data"), {f"f{i}": numbers for i, numbers in enumerate(sizes)})
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
    counts = _counts(make_split(_records(Path("/data"), sizes), seed))
    for section, share in zip(SECTIONS, (0.6, 0.2, 0.2, 0), strict=True):
        assert sum(counts[section].values()) == pytest.approx(share * sum(totals.values()), abs=3)
        for finding, total in totals.items():
            assert counts[section][finding] == pytest.approx(share * total, abs=2.5)


@pytest.mark.parametrize("seed", range(5))
def test_uneven_patients_with_half_held_out(seed):
    split = make_split(_records(Path("/data"), UNEVEN), seed, hold_out=0.5)
    counts = _counts(split)
    total = sum(map(sum, UNEVEN.values()))
    assert len(split.independent) == pytest.approx(total / 2, abs=1)
    assert counts["independent"]["pathological"] == 5
    rest = total - len(split.independent)
    assert [len(split.training), len(split.validation), len(split.test)] == pytest.approx(
        [0.6 * rest, 0.2 * rest, 0.2 * rest], abs=3
    )


def test_patients_with_two_findings_balance_both():
    # As in the brain MRI: each patient has slices with a lesion and without.
    records = _records(Path("/data"), {"no lesion": [20 + i % 9 for i in range(40)]})
    for index, record in enumerate(records):
        if index % 3 == 0:
            record["finding"] = "lesion"
    counts = _counts(make_split(records, 3))
    lesions = sum(record["finding"] == "lesion" for record in records)
    for section, share in zip(SECTIONS, (0.6, 0.2, 0.2, 0), strict=True):
        assert counts[section].total() == pytest.approx(share * len(records), rel=0.1)
        assert counts[section]["lesion"] == pytest.approx(share * lesions, rel=0.1)


def test_order_of_records_and_place_of_the_data_do_not_matter():
    first = make_split(_records(Path("/data"), UNEVEN), 7, hold_out=0.5)
    shuffled = _records(Path("/home/someone/else"), UNEVEN)
    random.Random(1).shuffle(shuffled)
    second = make_split(shuffled, 7, hold_out=0.5)
    assert _names(first) == _names(second)
    assert first.hash == second.hash
    assert [Path(r["image"]).name for r in first.training] == [Path(r["image"]).name for r in second.training]


def test_the_draw_stays_the_same_between_versions():
    split = make_split(_records(Path("/data"), {"normal": [1, 2, 1, 1, 3, 1], "covid19": [2, 1, 1]}), 5)
    assert {name: sorted({r["patient"] for r in part}) for name, part in split.sections.items()} == {
        "training": ["covid190", "normal1", "normal4"],
        "validation": ["covid191", "normal3", "normal5"],
        "test": ["covid192", "normal0", "normal2"],
        "independent": [],
    }


def test_seeds_give_really_different_splits():
    records = _records(Path("/data"), UNEVEN)
    tests = [_names(make_split(records, seed))["test"] for seed in range(10)]
    overlaps = [len(a & b) / len(a) for i, a in enumerate(tests) for b in tests[:i]]
    assert sum(overlaps) / len(overlaps) < 0.4  # by chance 0.2


def test_patients_with_many_images_reach_every_section():
    records = _records(Path("/data"), UNEVEN)
    places = {
        name
        for seed in range(30)
        for name, part in make_split(records, seed).sections.items()
        if any(record["patient"] == "covid1969" for record in part)
    }
    assert places == {"training", "validation", "test"}


def test_hash_is_of_the_partition_alone():
    split = make_split(_records(Path("/data"), UNEVEN), 1)
    parts = {name: split.sections[name][::-1] for name in SECTIONS}
    same = Split(**parts, seed=99, fractions=(0.5, 0.3, 0.2), hold_out=0.0, root=split.root)
    assert same.hash == split.hash
    assert len(split.hash) == 64
    parts["test"], parts["validation"] = parts["validation"], parts["test"]
    assert Split(**parts, seed=1, fractions=split.fractions, hold_out=0.0, root=split.root).hash != split.hash


def test_sections_may_be_left_out():
    split = make_split(_records(Path("/data"), UNEVEN), 1, fractions=(0.8, 0.2, 0))
    assert split.test == split.independent == ()
    assert len(split.training) == pytest.approx(0.8 * sum(map(sum, UNEVEN.values())), abs=1)


@pytest.mark.parametrize("name", ["test", "independent", "elsewhere"])
def test_sections_without_images_are_not_given_out(dataset, tmp_path, name):
    split = ensure_split(dataset, tmp_path / "split.json", 1, fractions=(0.8, 0.2, 0))
    assert split.section("validation") == split.validation
    with pytest.raises(
        DatalistError, match=rf"split\.json: .*no images in the section '{name}' \(but \d+ in training.*share"
    ):
        split.section(name)


def test_records_without_a_finding():
    records = _records(Path("/data"), {"x": [1] * 20})
    for record in records:
        del record["finding"]
    assert [len(part) for part in make_split(records, 0).sections.values()] == [12, 4, 4, 0]


@pytest.mark.parametrize(("patients", "hold_out"), [(2, 0), (0, 0), (1, 0.5), (3, 0.5)])
def test_too_few_patients(patients, hold_out):
    with pytest.raises(DatalistError, match=r"patients cannot be split over \d sections"):
        make_split(_records(Path("/data"), {"normal": [5] * patients}), 0, hold_out=hold_out)


@pytest.mark.parametrize("fractions", [(0.6, 0.2), (0.6, 0.2, 0.3), (1.2, -0.1, -0.1), (0, 0.5, 0.5)])
def test_fractions_that_are_none(fractions):
    with pytest.raises(DatalistError, match="fractions"):
        make_split(_records(Path("/data"), UNEVEN), 0, fractions=fractions)


@pytest.mark.parametrize("hold_out", [-0.1, 1, float("nan")])
def test_hold_out_that_is_no_share(hold_out):
    with pytest.raises(DatalistError, match="hold_out"):
        make_split(_records(Path("/data"), UNEVEN), 0, hold_out=hold_out)


def test_split_with_a_patient_in_two_sections_cannot_be_built():
    one, two = _records(Path("/data"), {"normal": [2]})
    with pytest.raises(DatalistError, match="in validation stands in training"):
        Split((one,), (two,), (), (), seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.0, root=Path("/data"))


def test_file_moves_with_the_data_set(dataset, tmp_path):
    file = tmp_path / "runs" / "split.json"
    made = ensure_split(dataset, file, 4, hold_out=0.5)
    assert str(tmp_path) not in file.read_text()
    moved = tmp_path / "elsewhere"
    dataset.rename(moved)
    loaded = load_split(file, moved)
    assert loaded.hash == made.hash
    assert _names(loaded) == _names(made)
    assert loaded.training[0]["image"].startswith(str(moved / "images"))
    assert (loaded.seed, loaded.fractions, loaded.hold_out) == (4, (0.6, 0.2, 0.2), 0.5)


def test_images_outside_the_data_set_keep_their_absolute_paths(tmp_path):
    records = _records(tmp_path / "archive", UNEVEN)
    split = make_split(records, 0, root=tmp_path / "lists")
    save_split(split, tmp_path / "split.json")
    loaded = load_split(tmp_path / "split.json", tmp_path / "lists")
    assert loaded == split


def test_monai_takes_a_section(dataset, tmp_path):
    split = ensure_split(dataset, tmp_path / "split.json", 0)
    cached = CacheDataset(split.test, transform=lambda item: item["patient"], progress=False)
    assert list(cached) == [record["patient"] for record in split.test]


def _edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_changed_file_is_refused(dataset, tmp_path):
    file = tmp_path / "split.json"
    ensure_split(dataset, file, 0)
    test = json.loads(file.read_text())["test"]
    patient = test[-1]["patient"]
    _edit(file, test=[record for record in test if record["patient"] != patient])
    with pytest.raises(DatalistError, match="was changed since it was written") as caught:
        load_split(file, dataset)
    assert caught.value.source == str(file)
    assert len(load_sections(file, dataset)["test"]) < len(test)


@pytest.mark.parametrize(
    "changes",
    [{"format": "other"}, {"seed": "x"}, {"fractions": [1]}, {"hold_out": None}, {"training": None}, {"test": [1]}],
)
def test_malformed_file_is_refused(dataset, tmp_path, changes):
    file = tmp_path / "split.json"
    ensure_split(dataset, file, 0)
    _edit(file, **changes)
    with pytest.raises(DatalistError) as caught:
        load_split(file, dataset)
    assert caught.value.source == str(file)
    assert caught.value.remedy


def test_ensure_split_keeps_what_is_there(dataset, tmp_path):
    file = tmp_path / "split.json"
    first = ensure_split(dataset, file, 3, fractions=[0.6, 0.2, 0.2])
    written = file.stat().st_mtime_ns
    assert ensure_split(dataset, file, 3) == first
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"seed": 4}, "seed 3, not 4"),
        ({"fractions": (0.8, 0.1, 0.1)}, "fractions"),
        ({"hold_out": 0.5}, "hold_out 0.0"),
    ],
)
def test_ensure_split_refuses_other_settings(dataset, tmp_path, settings, name):
    file = tmp_path / "split.json"
    ensure_split(dataset, file, 3)
    with pytest.raises(DatalistError, match=f"was made with {name}") as caught:
        ensure_split(dataset, file, **{"seed": 3, **settings})
    assert "delete this one" in caught.value.remedy


@pytest.mark.parametrize("change", ["gone", "patient", "label"])
def test_ensure_split_refuses_other_data(dataset, tmp_path, change):
    file = tmp_path / "split.json"
    ensure_split(dataset, file, 3)
    records = load_datalist(dataset)
    if change == "gone":
        records.pop()
    else:
        records[0][change] = str(dataset / "other")
    save_datalist(records, dataset / "datalist.json")
    with pytest.raises(DatalistError, match="does not fit the data set"):
        ensure_split(dataset, file, 3)


def test_check_same_data_names_an_image(dataset, tmp_path):
    records = load_datalist(dataset)
    split = make_split(records, 0, root=dataset)
    check_same_data(split, records[::-1], source="split.json")
    extra = {"image": str(dataset / "images" / "0new.png"), "patient": "new"}
    with pytest.raises(DatalistError, match=r"0 of its records .* 1 records .*first: images/0new.png"):
        check_same_data(split, [*records, extra], source="split.json")


def _hash_of(arguments: tuple[Path, Path]) -> str:
    return ensure_split(*arguments, seed=11, hold_out=0.5).hash


def test_processes_that_start_together_agree(dataset, tmp_path):
    file = tmp_path / "split.json"
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        hashes = set(pool.map(_hash_of, [(dataset, file)] * 6))
    assert hashes == {load_split(file, dataset).hash}
    assert [child.name for child in tmp_path.iterdir() if child.name.startswith(".")] == []


@pytest.mark.parametrize(("name", "hold_out"), [("general", 0.0), ("portable", 0.5), ("lgg", 0.0)])
def test_real_data_sets(shared_data, tmp_path, name, hold_out):
    split = ensure_split(shared_data / name, tmp_path / "split.json", 0, hold_out=hold_out)
    sizes = [len(part) for part in split.sections.values()]
    total = sum(sizes)
    rest = total - sizes[3]
    assert sizes[3] == pytest.approx(hold_out * total, abs=1)
    assert sizes[:3] == pytest.approx([0.6 * rest, 0.2 * rest, 0.2 * rest], abs=0.06 * rest)
