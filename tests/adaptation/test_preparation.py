"""A data set without names, its locked part, and what stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from own_images import read_records, write_own_images

from monai_lungxfer.adaptation.preparation import LEAST_LOCKED, LEAST_PATIENTS, lock_split, prepare_images
from monai_lungxfer.adaptation.sources import SourceRules
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import DatalistError, OutputError


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_images(tmp_path_factory.mktemp("own"))


def test_copies_count_once_and_cases_keep_the_names(own: Path, tmp_path: Path) -> None:
    shutil.copytree(own, tmp_path / "own")
    records = read_records(own)
    for key in ("image", "label"):
        shutil.copy(own / records[1][key], tmp_path / "own" / records[5][key])
    found = prepare_images(tmp_path / "own", tmp_path / "out", SourceRules())
    assert found["images"] == 23
    ((file, reason),) = found["skipped"]
    assert Path(file).name == Path(records[5]["image"]).name
    assert "same pixels" in reason
    cases = read_rows(tmp_path / "out" / "cases.csv")
    assert [row["case"] for row in cases if row["used"] == "no"] == ["case-0006"]
    assert cases[0]["file"] == str(tmp_path / "own" / records[0]["image"])
    assert "portable" not in (tmp_path / "out" / "data" / "datalist.json").read_text()


def test_too_few_patients_are_refused(own: Path, tmp_path: Path) -> None:
    records = load_datalist(own)
    patients = sorted({record["patient"] for record in records})[: LEAST_PATIENTS - 1]
    few = [record for record in records if record["patient"] in patients]
    (tmp_path / "few.json").write_text(json.dumps(few))
    with pytest.raises(DatalistError, match="of 9 patients, and 10 are the least"):
        prepare_images(tmp_path / "few.json", tmp_path / "out", SourceRules())


def test_the_output_lies_apart(own: Path) -> None:
    with pytest.raises(OutputError, match="lies in it"):
        prepare_images(own, own / "out", SourceRules())


def test_the_locked_part_is_by_patient_and_stays(own: Path, tmp_path: Path) -> None:
    prepare_images(own, tmp_path, SourceRules())
    settings = lock_split(tmp_path, 3)
    split = json.loads((tmp_path / "split.json").read_text())
    locked = {record["patient"] for record in split["independent"]}
    rest = {record["patient"] for name in ("training", "validation") for record in split[name]}
    assert len(locked) >= LEAST_LOCKED
    assert not locked & rest
    assert split["test"] == []
    assert settings["split_seed"] == split["seed"] == 3
    before = (tmp_path / "split.json").read_bytes()
    assert lock_split(tmp_path, 3) == settings
    assert (tmp_path / "split.json").read_bytes() == before


def test_masks_of_two_conventions_are_refused(own: Path, tmp_path: Path) -> None:
    records = load_datalist(own)
    for number, record in enumerate(records):
        record["mask_convention"] = ("v7", "scr")[number % 2]
    (tmp_path / "mixed.json").write_text(json.dumps(records))
    prepare_images(tmp_path / "mixed.json", tmp_path / "out", SourceRules())
    with pytest.raises(DatalistError, match="mixes masks of the conventions scr, v7"):
        lock_split(tmp_path / "out", 0)
