"""The Kaggle layout of the LGG data becomes records."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.lgg import find_lgg_folder, load_lgg
from monai_lungxfer.utils.errors import DatalistError


def _slice(folder: Path, scan: str, number: int, lesion: bool = False) -> Path:
    path = folder / scan / f"{scan}_{number}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((5, 7, 3), number, np.uint8)).save(path)
    mask = np.zeros((5, 7), np.uint8)
    mask[4, 6] = 255 * lesion
    Image.fromarray(mask).save(path.with_name(f"{path.stem}_mask.tif"))
    return path


@pytest.fixture
def kaggle(tmp_path):
    folder = tmp_path / "kaggle_3m"
    for number in (10, 2, 1):
        _slice(folder, "TCGA_HT_A61A_20000127", number, lesion=number == 10)
    _slice(folder, "TCGA_CS_4941_19960909", 3)
    (folder / "data.csv").write_text("Patient\n")
    (folder / "README").mkdir()
    return folder


@pytest.mark.parametrize("below", ["", "kaggle_3m"])
def test_records_by_patient_and_slice_number(kaggle, below):
    records = load_datalist(kaggle.parent / below)
    assert [
        (record["patient"], Path(record["image"]).stem.split("_")[-1], record["finding"]) for record in records
    ] == [
        ("TCGA_CS_4941", "3", "no lesion"),
        ("TCGA_HT_A61A", "1", "no lesion"),
        ("TCGA_HT_A61A", "2", "no lesion"),
        ("TCGA_HT_A61A", "10", "lesion"),
    ]
    assert records[3]["label"] == str(kaggle / "TCGA_HT_A61A_20000127" / "TCGA_HT_A61A_20000127_10_mask.tif")


def test_two_scans_of_a_patient_are_one_patient(kaggle):
    _slice(kaggle, "TCGA_CS_4941_19970101", 1)
    assert {record["patient"] for record in load_lgg(kaggle)} == {"TCGA_CS_4941", "TCGA_HT_A61A"}


@pytest.mark.parametrize(("gone", "what"), [("_2_mask.tif", "no mask"), ("_2.tif", "no slice")])
def test_lone_file_is_named(kaggle, gone, what):
    scan = kaggle / "TCGA_HT_A61A_20000127"
    partner = "_2.tif" if "mask" in gone else "_2_mask.tif"
    (scan / f"{scan.name}{gone}").unlink()
    with pytest.raises(DatalistError, match=what) as caught:
        load_lgg(kaggle)
    assert caught.value.source == str(scan / f"{scan.name}{partner}")


def test_broken_mask_is_named(kaggle):
    mask = kaggle / "TCGA_CS_4941_19960909" / "TCGA_CS_4941_19960909_3_mask.tif"
    mask.write_bytes(mask.read_bytes()[:20])
    with pytest.raises(DatalistError, match="cannot be read") as caught:
        load_lgg(kaggle)
    assert caught.value.source == str(mask)


def test_slice_without_a_number(kaggle):
    image = _slice(kaggle, "TCGA_CS_4941_19960909", 4)
    mask = image.with_name(f"{image.stem}_mask.tif")
    image.rename(image.with_name("TCGA_CS_4941_x.tif"))
    mask.rename(image.with_name("TCGA_CS_4941_x_mask.tif"))
    with pytest.raises(DatalistError, match="no slice number"):
        load_lgg(kaggle)


def test_folders_without_the_layout(tmp_path):
    assert find_lgg_folder(tmp_path) is None
    assert find_lgg_folder(tmp_path / "missing") is None
    (tmp_path / "TCGA_CS_4941_19960909").mkdir()
    assert find_lgg_folder(tmp_path) == tmp_path
    with pytest.raises(DatalistError, match="holds no slices"):
        load_lgg(tmp_path)


def test_real_slices_quickly(shared_data):
    start = time.perf_counter()
    records = load_datalist(shared_data / "lgg")
    assert time.perf_counter() - start < 5  # 0.5 s on two cores
    assert len(records) == 1319
    assert len({record["patient"] for record in records}) == 34
    assert sum(record["finding"] == "lesion" for record in records) == 403
