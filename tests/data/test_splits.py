"""Split files: they move with the data, and cannot change unseen."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from monai.data import CacheDataset
from split_records import UNEVEN, image_names, make_records

from monai_lungxfer.data.datalist import load_datalist, save_datalist
from monai_lungxfer.data.splits import (
    check_same_data,
    ensure_split,
    find_locked_share,
    load_sections,
    load_split,
    make_split,
    save_split,
)
from monai_lungxfer.utils.errors import DatalistError


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data"
    save_datalist(make_records(folder, UNEVEN), folder / "datalist.json")
    return folder


@pytest.mark.parametrize("name", ["test", "independent", "elsewhere"])
def test_sections_without_images_are_not_given_out(dataset, tmp_path, name):
    split = ensure_split(dataset, tmp_path / "split.json", 1, fractions=(0.8, 0.2, 0))
    assert split.section("validation") == split.validation
    with pytest.raises(
        DatalistError, match=rf"split\.json: .*no images in the section '{name}' \(but \d+ in training.*share"
    ):
        split.section(name)


def test_file_moves_with_the_data_set(dataset, tmp_path):
    file = tmp_path / "runs" / "split.json"
    made = ensure_split(dataset, file, 4, hold_out=0.5)
    assert str(tmp_path) not in file.read_text()
    moved = tmp_path / "elsewhere"
    dataset.rename(moved)
    loaded = load_split(file, moved)
    assert loaded.hash == made.hash
    assert image_names(loaded) == image_names(made)
    assert loaded.training[0]["image"].startswith(str(moved / "images"))
    assert (loaded.seed, loaded.fractions, loaded.hold_out) == (4, (0.6, 0.2, 0.2), 0.5)


def test_images_outside_the_data_set_keep_their_absolute_paths(tmp_path):
    records = make_records(tmp_path / "archive", UNEVEN)
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


def test_the_independent_half_has_a_seed_of_its_own(dataset, tmp_path):
    """Other seeds draw other parts of the rest, and the file says by which seed the half was drawn."""
    splits = [ensure_split(dataset, tmp_path / f"{seed}.json", seed, hold_out=0.5, hold_out_seed=8) for seed in (1, 2)]
    assert splits[0].independent == splits[1].independent
    assert splits[0].training != splits[1].training
    records = load_datalist(dataset)
    assert make_split(records, 8, hold_out=0.5, root=dataset).independent == splits[0].independent
    assert make_split(records, 1, hold_out=0.5, root=dataset).independent != splits[0].independent
    assert load_split(tmp_path / "1.json", dataset).hold_out_seed == 8
    assert ensure_split(dataset, tmp_path / "1.json", 1, hold_out=0.5, hold_out_seed=8) == splits[0]


def test_locked_patients_are_in_no_other_section_of_any_split(dataset, tmp_path):
    """Nor does the rest depend on how it is drawn whether a patient is locked."""
    patients = {record["patient"] for record in load_datalist(dataset)}
    expected = {
        name
        for name in patients
        if int(hashlib.sha256(f"monai_lungxfer locked test set 1\n{name}".encode()).hexdigest(), 16) < 2**255
    }
    assert 0 < len(expected) < len(patients)
    for seed, hold_out in ((1, 0.0), (2, 0.5)):
        file = tmp_path / f"{seed}.json"
        split = ensure_split(dataset, file, seed, (0.8, 0.2, 0), hold_out, locked_share=0.5)
        assert {record["patient"] for record in split.locked} == expected
        assert load_split(file, dataset).locked == split.locked
        assert find_locked_share(file, "test") == 0.5
    assert [find_locked_share(tmp_path / "none.json", name) for name in ("locked", "test")] == [0.2, 0.0]


def test_a_split_file_without_a_locked_section_reads_as_before(dataset, tmp_path):
    file = tmp_path / "split.json"
    split = ensure_split(dataset, file, 1)
    assert not {"locked", "locked_share"} & json.loads(file.read_text()).keys()
    assert (split.locked, split.locked_share) == ((), 0.0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"seed": 4}, "seed 3, not 4"),
        ({"fractions": (0.8, 0.1, 0.1)}, "fractions"),
        ({"hold_out": 0.5}, "hold_out 0.0"),
        ({"hold_out_seed": 8}, "hold_out_seed None, not 8"),
        ({"locked_share": 0.2}, "locked_share 0.0, not 0.2"),
    ],
)
def test_ensure_split_refuses_other_settings(dataset, tmp_path, settings, name):
    file = tmp_path / "split.json"
    ensure_split(dataset, file, 3)
    with pytest.raises(DatalistError, match=f"was made with {name}") as caught:
        ensure_split(dataset, file, **{"seed": 3, **settings})
    assert "another output folder or split file (--out)" in caught.value.remedy


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
    with pytest.raises(DatalistError, match=r"0 records of the split .* 1 records .*first: images/0new.png"):
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
