"""A folder of images and masks of the same names, and one folder for each finding."""

from __future__ import annotations

import pytest
from raw_pieces import HEIGHT, WIDTH, write_mask, write_picture

from monai_lungxfer.data.public import folder
from monai_lungxfer.data.public.item import Facts
from monai_lungxfer.utils.errors import LungXferError

HALF = slice(5, 20)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/covid19/p1_a.png", "masks/covid19/p1_a.png"),
        ("covid19/images/p1_a.jpg", "covid19/labels/p1_a.png"),
        ("covid19/p1_a.png", "covid19/p1_a_mask.png"),
    ],
)
def test_folder(tmp_path, image, mask):
    write_picture(tmp_path / image)
    write_mask(tmp_path / mask, HALF, HALF)
    facts = Facts("AP Supine", "private", "Agfa dr100E", "v7", r"^(p\d+)_")
    (item,) = folder.collect(tmp_path, facts).items
    assert (item.name, item.patient, item.finding) == ("covid19-p1_a", "p1", "covid19")
    assert (item.view, item.license, item.device, item.mask_convention) == ("AP Supine", "private", "Agfa dr100E", "v7")
    assert item.mask(HEIGHT, WIDTH).foreground.sum() == 225


@pytest.mark.parametrize(
    ("label", "finding"),
    [
        ("Non-COVID", "non-covid"),
        ("COVID-19 negative", "covid-19 negative"),
        ("Non-COVID pneumonia", "non-covid pneumonia"),
        ("COVID pneumonia", "covid19"),
        ("Pneumonia", "pathological"),
        ("Controls", "normal"),
    ],
)
def test_folder_names_that_are_findings_and_others(tmp_path, label, finding):
    write_picture(tmp_path / label / "1.png")
    (item,) = folder.collect(tmp_path).items
    assert (item.finding, item.finding_text) == (finding, label)


def test_folder_without_sub_folders_and_patients(tmp_path):
    write_picture(tmp_path / "images" / "1.png")
    found = folder.collect(tmp_path)
    (item,) = found.items
    assert (item.patient, item.finding, item.mask, item.license) == ("1", None, None, "unknown")
    assert found.notes == ["every image counts as a patient of its own, since no pattern for patients was given"]


def test_folder_with_odd_ends(tmp_path):
    write_picture(tmp_path / "Healthy" / "p1_1.png")
    write_picture(tmp_path / "Healthy" / "p1_1.jpg")
    write_picture(tmp_path / "tumour" / "who.png")
    write_picture(tmp_path / "tumour" / "p2_1.png")
    write_mask(tmp_path / "tumour" / "p9_1_mask.png", HALF, HALF)
    found = folder.collect(tmp_path, Facts(patient_pattern=r"^(p\d+)_"))
    assert [(item.patient, item.finding) for item in found.items] == [("p1", "normal"), ("p2", "tumour")]
    assert {one.file.name: one.reason for one in found.skipped} == {
        "p1_1.png": "has the same name as Healthy/p1_1.jpg",
        "who.png": "has a name in which the pattern finds no patient",
        "p9_1_mask.png": "is a mask without an image",
    }


@pytest.mark.parametrize("pattern", ["(", "p1"])
def test_folder_with_a_bad_pattern(tmp_path, pattern):
    write_picture(tmp_path / "1.png")
    with pytest.raises(LungXferError, match=r"regular expression|no group"):
        folder.collect(tmp_path, Facts(patient_pattern=pattern))


def test_masks_may_lie_apart_and_count_more(tmp_path):
    write_picture(tmp_path / "images" / "ward" / "1.png")
    write_picture(tmp_path / "images" / "2.png")
    write_mask(tmp_path / "images" / "ward" / "1_mask.png", HALF, HALF)
    write_mask(tmp_path / "corrected" / "ward" / "1_mask.png", HALF, HALF)
    write_mask(tmp_path / "corrected" / "ward" / "3.png", HALF, HALF)
    found = folder.collect(tmp_path / "images", None, tmp_path / "corrected")
    assert [(item.name, item.mask is not None) for item in found.items] == [("2", False), ("ward-1", True)]
    assert {one.file.relative_to(tmp_path).as_posix(): one.reason for one in found.skipped} == {
        "images/ward/1_mask.png": "has the same name as ward/1_mask.png",
        "corrected/ward/3.png": "is a mask without an image",
    }
