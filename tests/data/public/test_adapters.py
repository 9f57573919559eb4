"""Each adapter finds what its layout holds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from raw_pieces import HEIGHT, WIDTH, box, write_darwin, write_mask, write_picture

from monai_lungxfer.data.public import cohen as cohen_adapter
from monai_lungxfer.data.public import general as general_adapter
from monai_lungxfer.data.public import hannover, jsrt, lgg, tuberculosis
from monai_lungxfer.data.public import kermany as kermany_adapter
from monai_lungxfer.data.public import v7 as v7_adapter
from monai_lungxfer.data.public.adapters import ADAPTERS, OWN, find_adapter
from monai_lungxfer.utils.errors import DatalistError, InputFileError, LungXferError

HALF = slice(5, 20)


def _by_name(found):
    return {item.image.name: item for item in found.items}


def _masks(item):
    return item.mask(HEIGHT, WIDTH)


def test_every_adapter_of_the_table_has_its_function():
    for name, adapter in ADAPTERS.items():
        assert callable(adapter.collect)
        assert adapter.url is None or adapter.url.startswith("https://")
        assert adapter.page or name in ("general", *OWN)
    with pytest.raises(LungXferError, match=r"no data set 'chexpert'.*lgg, cohen"):
        find_adapter("chexpert")


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - {"folder"}))
def test_a_folder_with_something_else_is_refused_with_the_layout(tmp_path, name):
    write_picture(tmp_path / "else" / "holiday.bmp")
    with pytest.raises(DatalistError, match="Give the folder that holds") as caught:
        ADAPTERS[name].collect(tmp_path)
    assert ADAPTERS[name].layout in caught.value.remedy


def test_lgg(tmp_path):
    scan = tmp_path / "kaggle_3m" / "TCGA_CS_4941_19960909"
    write_picture(scan / "TCGA_CS_4941_19960909_3.tif")
    write_mask(scan / "TCGA_CS_4941_19960909_3_mask.tif", HALF, HALF)
    (item,) = lgg.collect(tmp_path).items
    assert (item.name, item.patient, item.finding) == ("TCGA_CS_4941_19960909_3", "TCGA_CS_4941", "lesion")
    assert (item.license, item.mask_convention) == ("CC BY-NC-SA 4.0", "flair-abnormality")
    assert _masks(item).foreground.sum() == 225


def test_cohen(cohen):
    found = cohen_adapter.collect(cohen)
    items = _by_name(found)
    assert list(items) == ["a.jpg", "c.png", "d.png", "f.png"]
    assert (items["a.jpg"].patient, items["a.jpg"].finding, items["a.jpg"].license) == (
        "cohen-7",
        "covid19",
        "CC BY-NC-SA",
    )
    assert (items["c.png"].finding, items["c.png"].view, items["c.png"].license) == (
        "pathological",
        "AP Supine",
        "unknown",
    )
    assert items["c.png"].finding_text == "Pneumonia/Fungal/Pneumocystis"
    assert [items[name].finding for name in ("d.png", "f.png")] == ["normal", None]
    assert found.notes == ["1 images left out: lateral, or no frontal view named", "1 images left out: CT"]
    assert found.skipped == []


def test_cohen_with_an_image_gone_and_a_path_instead_of_a_name(cohen):
    folder_ = cohen / "covid-chestxray-dataset-master"
    (folder_ / "images" / "a.jpg").unlink()
    table = folder_ / "metadata.csv"
    write_picture(folder_ / "secret.png")
    table.write_text(table.read_text(encoding="utf-8-sig").replace("d.png", "../secret.png"))
    found = cohen_adapter.collect(cohen)
    assert [one.file.name for one in found.skipped] == ["a.jpg", "secret.png"]
    assert all("does not exist" in one.reason for one in found.skipped)


def test_cohen_without_a_column(cohen):
    table = cohen / "covid-chestxray-dataset-master" / "metadata.csv"
    table.write_text(table.read_text(encoding="utf-8-sig").replace("view", "wiew"))
    with pytest.raises(DatalistError, match="has no column view"):
        cohen_adapter.collect(cohen)


def test_cohen_table_that_is_no_text(cohen):
    table = cohen / "covid-chestxray-dataset-master" / "metadata.csv"
    table.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DatalistError, match="cannot be read"):
        cohen_adapter.collect(cohen)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("person123_bacteria_456", ("kermany-person123", "bacteria")),
        ("person123_virus_7", ("kermany-person123", "virus")),
        ("IM-0115-0001", ("kermany-IM-0115", "normal")),
        ("NORMAL2-IM-0115-0001-0002", ("kermany-IM-0115", "normal")),
        ("NORMAL2-IM-1427-0001", ("kermany-IM-1427", "normal")),
        ("VIRUS-28501-0003", ("kermany-28501", "virus")),
        ("NORMAL-28501-0001", ("kermany-28501", "normal")),
        ("holiday", None),
        ("person_bacteria_1", None),
    ],
)
def test_kermany_names(stem, expected):
    assert kermany_adapter.parse_name(stem) == expected


def test_kermany(kermany):
    write_picture(kermany / "chest_xray" / "val" / "NORMAL" / "Thumbs.png")
    found = kermany_adapter.collect(kermany)
    assert [(item.image.name, item.patient, item.finding) for item in found.items] == [
        ("NORMAL2-IM-0588-0001-0002.jpeg", "kermany-IM-0588", "normal"),
        ("person12_virus_3.jpeg", "kermany-person12", "pathological"),
        ("IM-0115-0001.jpeg", "kermany-IM-0115", "normal"),
        ("person12_bacteria_46.jpeg", "kermany-person12", "pathological"),
        ("NORMAL2-IM-0115-0001.jpeg", "kermany-IM-0115", "normal"),
    ]
    assert all(item.image.parts.count("chest_xray") == 1 for item in found.items)  # not the second copy
    assert [one.file.name for one in found.skipped] == ["Thumbs.png"]


def test_v7_by_polygons(v7):
    write_picture(v7 / "images" / "a.jpg")
    write_picture(v7 / "images" / "person12_bacteria_46.jpeg")
    found = v7_adapter.collect(v7)
    one, two = found.items
    assert (one.name, one.patient, one.finding) == ("v7-101", "v7-101", "covid19")
    assert one.finding_text == "Viral Pneumonia, COVID-19"
    assert _masks(one).foreground.sum() == 1200
    assert _masks(one).ignore_fraction == pytest.approx(40 / (HEIGHT * WIDTH), abs=1e-6)
    assert (two.patient, two.license, two.mask_convention) == ("kermany-person12", "CC BY 4.0", "v7")
    assert found.notes[0] == "3 annotated images are not there (first: b.jpg)"
    assert found.notes[1].startswith("1 images do not say who they are of")


def test_v7_by_semantic_masks(tmp_path):
    write_picture(tmp_path / "images" / "5.jpg")
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    levels[5:35, 5:25] = 255
    levels[5:9, 5:15] = 127
    (tmp_path / "masks").mkdir()
    Image.fromarray(levels).save(tmp_path / "masks" / "5.png")
    (item,) = v7_adapter.collect(tmp_path).items
    drawn = _masks(item)
    np.testing.assert_array_equal(drawn.foreground, levels == 255)
    np.testing.assert_array_equal(drawn.ignored, levels == 127)
    assert drawn.ignore_fraction == pytest.approx(40 / (HEIGHT * WIDTH), abs=1e-6)
    Image.fromarray(levels // 2).save(tmp_path / "masks" / "5.png")
    with pytest.raises(InputFileError, match="has the level 63"):
        _masks(item)


def test_v7_with_a_broken_annotation(v7):
    write_picture(v7 / "images" / "a.jpg")
    (v7 / "all-images" / "103.json").write_text('{"image": ')
    found = v7_adapter.collect(v7)
    assert [item.name for item in found.items] == ["v7-101"]
    assert [one.file.name for one in found.skipped] == ["103.json"]


def test_v7_without_a_lung_is_refused_by_its_classes(tmp_path):
    heart = {"name": "Heart", "polygon": {"path": box(1, 1, 9, 9)}}
    write_darwin(tmp_path / "101.json", "a.jpg", heart, {"name": "COVID-19", "tag": {}})
    write_picture(tmp_path / "images" / "a.jpg")
    with pytest.raises(DatalistError, match=r"no annotation marks a lung; there are Heart\. Name the class.*left lung"):
        v7_adapter.collect(tmp_path)


def test_v7_lungs_in_a_box_are_skipped_by_name(v7):
    write_picture(v7 / "images" / "a.jpg")
    write_darwin(v7 / "106.json", "b.jpg", {"name": "Lung", "bounding_box": {"x": 1, "y": 1, "w": 9, "h": 9}})
    found = v7_adapter.collect(v7)
    assert [(one.file.name, one.reason) for one in found.skipped] == [
        ("106.json", "marks 'Lung' by bounding_box alone")
    ]


def test_general(cohen, kermany, v7):
    found = general_adapter.collect(cohen.parent)
    assert [(item.name, item.source, item.finding) for item in found.items] == [
        ("cohen-a", "cohen-v7", "covid19"),
        ("kermany-person12_bacteria_46", "kermany-v7", "pathological"),
        ("kermany-IM-0115-0001", "kermany-v7", "normal"),
    ]
    assert _masks(found.items[0]).foreground.sum() == 1200
    assert found.items[0].license == "CC BY-NC-SA"
    assert "1 annotated radiographs are not among the images (first: gone.jpeg)" in found.notes
    assert "6 images have no lung annotation and were left out" in found.notes
    assert found.notes[-3:] == [
        "covid19: 1 of the 438 images in the paper",
        "pathological: 1 of the 4262 images in the paper",
        "normal: 1 of the 1602 images in the paper",
    ]


def test_general_with_one_name_twice(kermany, v7):
    other = kermany / "chest_xray" / "val" / "NORMAL" / "IM-0115-0001.jpeg"
    write_picture(other, 5, (HEIGHT + 10, WIDTH))
    found = general_adapter.collect(kermany.parent)
    normal = [item for item in found.items if item.finding == "normal"]
    assert [item.image.parent.parent.name for item in normal] == ["train"]  # the one of the annotated size
    assert "the folder cohen/ is not there" in found.notes
    write_picture(other, 5)
    again = general_adapter.collect(kermany.parent)
    assert [one.reason for one in again.skipped] == ["fits 2 images of the same name by their size"]


def test_montgomery(tmp_path):
    root = tmp_path / "MontgomerySet"
    for name in ("MCUCXR_0001_0", "MCUCXR_0104_1", "MCUCXR_0200_0"):
        write_picture(root / "CXR_png" / f"{name}.png")
    for name in ("MCUCXR_0001_0", "MCUCXR_0104_1"):
        write_mask(root / "ManualMask" / "leftMask" / f"{name}.png", HALF, slice(30, 50))
        write_mask(root / "ManualMask" / "rightMask" / f"{name}.png", HALF, slice(5, 25))
    reading = root / "ClinicalReadings" / "MCUCXR_0104_1.txt"
    reading.parent.mkdir()
    reading.write_text("Patient's Sex: F\nPatient's Age: 027Y\ninfiltrate in the left upper lobe\n\n")
    one, two, three = tuberculosis.collect_montgomery(tmp_path).items
    assert (one.patient, one.finding, one.finding_text) == ("MCUCXR_0001", "normal", None)
    assert (two.finding, two.finding_text) == ("pathological", "infiltrate in the left upper lobe")
    assert _masks(two).foreground.sum() == 600
    assert (two.mask_convention, two.device.split()[0], two.view) == ("montgomery", "Eureka", "PA")
    assert three.mask is None


def test_shenzhen(tmp_path):
    write_picture(tmp_path / "CXR_png" / "CHNCXR_0001_0.png")
    write_picture(tmp_path / "CXR_png" / "CHNCXR_0400_1.png")
    write_mask(tmp_path / "mask" / "CHNCXR_0400_1_mask.png", HALF, slice(5, 25))
    reading = tmp_path / "ClinicalReadings" / "CHNCXR_0400_1.txt"
    reading.parent.mkdir()
    reading.write_text("female 24yrs\nbilateral secondary PTB")
    one, two = tuberculosis.collect_shenzhen(tmp_path).items
    assert one.mask is None
    assert (two.patient, two.finding, two.finding_text) == ("CHNCXR_0400", "pathological", "bilateral secondary PTB")
    assert _masks(two).foreground.sum() == 300
    with pytest.raises(InputFileError, match=r"40 × 56 pixels .* its image 41 × 56"):
        two.mask(HEIGHT + 1, WIDTH)


def _write_jsrt(folder_, name):
    density = np.full((2048, 2048), 1000, ">u2")
    density[:300, :700] = 4095  # black film
    density.tofile(folder_ / name)


def test_jsrt(tmp_path):
    _write_jsrt(tmp_path, "JPCLN001.IMG")
    (tmp_path / "JPCNN002.IMG").write_bytes(b"short")
    for side, columns in (("left lung", slice(600, 800)), ("right lung", slice(100, 300))):
        mask = np.zeros((1024, 1024), np.uint8)
        mask[200:700, columns] = 255
        path = tmp_path / "scratch" / "fold1" / "masks" / side / "JPCLN001.gif"
        path.parent.mkdir(parents=True)
        Image.fromarray(mask).save(path)
    one, two = jsrt.collect(tmp_path).items
    assert (one.finding, one.finding_text, one.mask_convention) == ("pathological", "lung nodule", "scr")
    pixels = one.read(one.image)
    assert pixels.dtype == np.uint16
    assert (pixels[299, 699], pixels[300, 699], pixels[299, 700]) == (0, 3095, 3095)
    foreground = one.mask(2048, 2048).foreground
    assert foreground.sum() == 4 * 500 * 400
    assert foreground[400:1400, 1200:1600].all()
    assert (two.finding, two.mask) == ("normal", None)
    with pytest.raises(InputFileError, match="not a raw file of 2048 × 2048"):
        two.read(two.image)


def test_hannover(tmp_path):
    root = tmp_path / "covid-19-image-repository-master"
    write_picture(root / "png" / "b343e657.png")
    lines = ["patient_id,image_id,sex,modality,projection", "042f06a9,b343e657,m,CR,ap", "042f06a9,c9280a30,m,CR,ap"]
    (root / "data.csv").write_text("\n".join(lines))
    found = hannover.collect(tmp_path)
    (item,) = found.items
    assert (item.patient, item.finding, item.view) == ("hannover-042f06a9", "covid19", "AP")
    assert (item.license, item.mask) == ("CC BY 3.0", None)
    assert [one.file.name for one in found.skipped] == ["c9280a30.png"]
