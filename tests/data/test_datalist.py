"""Datalists are read from every accepted form, and malformed ones are refused with a message that helps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from monai.data import Dataset, load_decathlon_datalist

from monai_lungxfer.data.datalist import data_root, hash_dataset, load_datalist, save_datalist
from monai_lungxfer.utils.errors import DatalistError

RECORD = {"image": "images/a.png", "label": "masks/a.png", "patient": "p1"}


def _write(folder: Path, content: object) -> Path:
    file = folder / "datalist.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize("by", ["file", "folder"])
def test_list_of_records_gets_absolute_paths_and_keeps_other_fields(tmp_path, by):
    file = _write(tmp_path, [RECORD | {"finding": "normal", "ignore_fraction": 0.25, "tags": ["x"]}])
    assert load_datalist(file if by == "file" else tmp_path) == [
        {
            "image": str(tmp_path / "images" / "a.png"),
            "label": str(tmp_path / "masks" / "a.png"),
            "patient": "p1",
            "finding": "normal",
            "ignore_fraction": 0.25,
            "tags": ["x"],
        }
    ]


def test_marks_of_foreign_objects_are_a_file_like_the_mask(tmp_path):
    file = _write(tmp_path, [RECORD | {"ignore": "ignore/a.png", "ignore_fraction": 0.1}])
    records = load_datalist(file)
    assert records[0]["ignore"] == str(tmp_path / "ignore" / "a.png")
    save_datalist(records, file)
    assert json.loads(file.read_text())[0]["ignore"] == "ignore/a.png"


def test_path_given_relative_to_the_working_folder(tmp_path, monkeypatch):
    _write(tmp_path, [RECORD])
    monkeypatch.chdir(tmp_path)
    assert load_datalist(".")[0]["image"] == str(tmp_path / "images" / "a.png")


def test_absolute_path_in_the_file_is_kept(tmp_path):
    elsewhere = str(tmp_path / "elsewhere" / "a.png")
    file = _write(tmp_path, [RECORD | {"image": elsewhere}])
    assert load_datalist(file)[0]["image"] == elsewhere


def test_decathlon_sections_are_joined_in_order(tmp_path):
    content = {
        "name": "chest",
        "test": [{**RECORD, "image": "c.png"}],
        "training": [{**RECORD, "image": "./a.png"}, {**RECORD, "image": "b.png"}],
    }
    records = load_datalist(_write(tmp_path, content))
    assert [record["image"] for record in records] == [str(tmp_path / name) for name in ("a.png", "b.png", "c.png")]


def test_decathlon_test_images_that_are_paths_alone(tmp_path):
    content = {"name": "x", "training": [RECORD], "test": ["./b.png", "c.png"], "numTest": 2}
    file = _write(tmp_path, content)
    (labelled,) = load_datalist(file)
    assert labelled["image"] == str(tmp_path / "images" / "a.png")
    records = load_datalist(file, labels_required=False)
    assert records[0] == labelled
    as_monai = load_decathlon_datalist(file, data_list_key="test")
    assert [{"image": record["image"]} for record in records[1:]] == as_monai
    assert not any("label" in record for record in records[1:])
    assert len({record["patient"] for record in records}) == 3


def test_byte_order_mark_and_numeric_patient_are_accepted(tmp_path):
    file = tmp_path / "list.json"
    file.write_text(json.dumps([RECORD | {"patient": 17}]), encoding="utf-8-sig")
    assert load_datalist(file)[0]["patient"] == "17"


def test_label_may_be_left_out_only_when_asked(tmp_path):
    file = _write(tmp_path, [{"image": "a.png", "patient": "p1"}])
    assert load_datalist(file, labels_required=False) == [{"image": str(tmp_path / "a.png"), "patient": "p1"}]
    with pytest.raises(DatalistError, match=r'record\[0\] \(a.png\) has no "label"'):
        load_datalist(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([RECORD, {"image": "b.png", "label": "b_mask.png"}], r'record\[1\] \(b.png\) has no "patient"'),
        ([{"label": "m.png", "patient": "p1"}], r'record\[0\] has no "image"'),
        ([RECORD, RECORD | {"patient": " "}], r'record\[1\] \(images/a.png\) has an empty "patient"'),
        ([RECORD | {"patient": True}], r'a truth value as "patient" instead of text'),
        ([RECORD | {"image": ["a.png", "b.png"]}], r'record\[0\] has a list as "image" instead of text'),
        ([RECORD | {"ignore": True}], r'a truth value as "ignore" instead of text'),
        ([RECORD | {"finding": None}], r'null as "finding" instead of text'),
        ([RECORD, "b.png"], r"record\[1\] is a text instead of an object"),
        ({"training": ["b.png"]}, r"training\[0\] is a text instead of an object"),
        ({"training": [RECORD], "test": [3]}, r"test\[0\] is a number instead of an object"),
        ({"training": [], "test": ["b.png"]}, "has no records"),
        ({"training": {"image": "a.png"}}, "holds an object where the list of records should be"),
        ({"images": [RECORD]}, "is not a datalist"),
        ({"format": "monai_lungxfer split 1", "training": [RECORD]}, "is not a datalist"),
        ([], "has no records"),
        ({"training": [], "test": []}, "has no records"),
        (3.5, "holds a number where the list"),
    ],
)
def test_malformed_datalist_is_refused_with_file_record_and_remedy(tmp_path, content, message):
    file = _write(tmp_path, content)
    with pytest.raises(DatalistError, match=message) as caught:
        load_datalist(file)
    assert caught.value.source == str(file)
    assert caught.value.remedy


@pytest.mark.parametrize("raw", [b'[{"image": ', b"", b"\xff\xfe\x00["])
def test_file_that_is_not_json(tmp_path, raw):
    file = tmp_path / "datalist.json"
    file.write_bytes(raw)
    with pytest.raises(DatalistError, match="is not a JSON file"):
        load_datalist(file)


def test_missing_patient_message_does_not_reveal_other_fields(tmp_path):
    file = _write(tmp_path, [{"image": "b.png", "label": "m.png", "name": "Jane Roe"}])
    with pytest.raises(DatalistError) as caught:
        load_datalist(file)
    assert "Jane" not in str(caught.value)


def test_no_datalist_at_all(tmp_path):
    with pytest.raises(DatalistError, match=r"neither datalist\.json nor"):
        load_datalist(tmp_path)
    with pytest.raises(DatalistError, match="does not exist"):
        load_datalist(tmp_path / "nowhere.json")


def test_save_and_load_after_moving_the_folder(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    outside = str(tmp_path / "outside.png")
    records = [
        {"image": str(old / "images" / "ä.png"), "label": str(old / "m.png"), "patient": "p1", "view": "AP"},
        {"image": outside, "label": str(old / "m.png"), "patient": "p2"},
    ]
    save_datalist(records, old / "datalist.json")
    assert records[0]["image"] == str(old / "images" / "ä.png")  # the caller's records are left alone
    old.rename(new)
    loaded = load_datalist(new)
    assert loaded[0] == {
        "image": str(new / "images" / "ä.png"),
        "label": str(new / "m.png"),
        "patient": "p1",
        "view": "AP",
    }
    assert loaded[1]["image"] == outside


def test_datalist_beside_its_images_survives_a_round_trip(tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    file = _write(lists, [RECORD | {"image": "../images/a.png"}])
    save_datalist(load_datalist(file), file)
    assert json.loads(file.read_text())[0]["image"] == "../images/a.png"


def test_data_root(tmp_path):
    scan = tmp_path / "lgg" / "kaggle_3m" / "TCGA_CS_4941_19960909"
    scan.mkdir(parents=True)
    chest = tmp_path / "chest"
    chest.mkdir()
    file = _write(chest, [RECORD])
    assert data_root(file) == data_root(chest) == chest
    assert data_root(tmp_path / "lgg") == data_root(scan.parent) == scan.parent


def test_monai_takes_the_records(tmp_path):
    dataset = Dataset(load_datalist(_write(tmp_path, [RECORD])), transform=lambda item: item["label"])
    assert dataset[0] == str(tmp_path / "masks" / "a.png")


def test_real_data_sets(shared_data):
    records = load_datalist(shared_data / "portable")
    assert len(records) == 128
    assert len({record["patient"] for record in records}) == 77
    assert all(Path(record[key]).is_file() for record in records for key in ("image", "label"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two records; what is in their files matters to nobody here."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("1.png", "2.png", "1_mask.png", "2_mask.png"):
        (folder / name).write_bytes(name.encode())
    write(folder, [entry(1), entry(2)])
    return folder


def entry(number: int, **fields: str) -> dict[str, str]:
    return {"image": f"{number}.png", "label": f"{number}_mask.png", "patient": f"p{number}", **fields}


def write(folder: Path, records: list[dict[str, str]]) -> None:
    (folder / "datalist.json").write_text(json.dumps(records))


def hashed(folder: Path) -> str:
    return hash_dataset(load_datalist(folder), folder)


def test_neither_place_nor_order_nor_remarks_change_it(data: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(data, tmp_path / "moved"))
    write(moved, [entry(2, license="CC0"), entry(1)])
    assert hashed(moved) == hashed(data)
    assert len(hashed(data)) == 64


@pytest.mark.parametrize("name", ["2.png", "1_mask.png"])
def test_another_image_or_mask_changes_it(data: Path, name: str) -> None:
    before = hashed(data)
    (data / name).write_bytes(b"another")
    assert hashed(data) != before


@pytest.mark.parametrize(
    "changed", [[entry(1)], [entry(1), entry(2, finding="normal")], [entry(1), entry(2, patient="p1")]]
)
def test_other_records_change_it(data: Path, changed: list[dict[str, str]]) -> None:
    before = hashed(data)
    write(data, changed)
    assert hashed(data) != before


def test_a_missing_file_is_named(data: Path) -> None:
    (data / "2_mask.png").unlink()
    with pytest.raises(DatalistError, match=r"2_mask\.png: cannot be read"):
        hashed(data)
