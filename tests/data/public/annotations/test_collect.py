"""Annotations find their images, and become a datalist by `prepare`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from raw_pieces import HEIGHT, LEFT, RIGHT, WIDTH, write_darwin, write_picture

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.public.annotations.collect import collect
from monai_lungxfer.data.public.item import Facts
from monai_lungxfer.data.public.prepare import prepare
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.utils.errors import DatalistError


def polygon(label: str, points: str) -> str:
    return f'<polygon label="{label}" source="manual" occluded="0" points="{points}" z_order="0"></polygon>'


LUNGS = polygon("Left_Lung", "30,5;50,5;50,35;30,35") + polygon("lung (right)", "5,5;25,5;25,35;5,35")
BOTH = np.zeros((HEIGHT, WIDTH), np.uint8)
BOTH[5:35, 30:50] = BOTH[5:35, 5:25] = 1


def image(name: str, shapes: str = LUNGS, size: tuple[int, int] = (HEIGHT, WIDTH)) -> str:
    return f'<image id="0" name="{name}" width="{size[1]}" height="{size[0]}">{shapes}</image>'


def write_cvat(folder, *images: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{"".join(images)}</annotations>'
    (folder / "annotations.xml").write_text(text)


def test_both_lungs_become_one_mask(tmp_path):
    raw = tmp_path / "raw"
    write_picture(raw / "images" / "covid19" / "p7_1.png")
    write_picture(raw / "images" / "covid19" / "p8_1.png", 1)
    write_cvat(raw, image("covid19/p7_1.png"), image("covid19/p8_1.png", ""))
    prepared = prepare("annotations", raw, tmp_path / "out", facts=Facts(patient_pattern=r"^(p\d+)_", view="AP"))
    assert prepared.notes == ("1 images have no mask and were left out",)
    assert prepared.skipped == ()
    (record,) = load_datalist(tmp_path / "out")
    assert (record["patient"], record["finding"], record["view"]) == ("p7", "covid19", "AP")
    np.testing.assert_array_equal(read_mask(record["label"]), BOTH)


def test_annotations_may_lie_apart(tmp_path):
    write_picture(tmp_path / "raw" / "1.png")
    write_cvat(tmp_path / "drawn", image("1.png"))
    prepared = prepare("annotations", tmp_path / "raw", tmp_path / "out", masks=tmp_path / "drawn")
    assert prepared.masks == 1


def test_images_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for seed, name in enumerate(("a/1.png", "b/1.png")):
        write_picture(tmp_path / name, seed)
    write_cvat(tmp_path, image("x/b/1.png"))
    items = {item.image.relative_to(tmp_path).as_posix(): item for item in collect(tmp_path).items}
    assert items["b/1.png"].mask is not None
    assert items["a/1.png"].mask is None


def test_an_annotation_of_a_picture_finds_the_same_image_in_another_format(tmp_path):
    write_picture(tmp_path / "1.tif")
    write_cvat(tmp_path, image("1.png"))
    (item,) = collect(tmp_path).items
    assert item.mask(HEIGHT, WIDTH).foreground.sum() == BOTH.sum()


@pytest.mark.parametrize(
    ("shapes", "size", "reason"),
    [
        (polygon("heart", "5,5;25,5;25,35"), (HEIGHT, WIDTH), "marks 'heart', which is not a known label of a lung"),
        (polygon("lung", "5,5;99,5;25,35"), (HEIGHT, WIDTH), "leaves the image of 56 × 40 pixels"),
        ('<box label="lung" xtl="1" ytl="1" xbr="9" ybr="9"></box>', (HEIGHT, WIDTH), "marks 'lung' by a box"),
        (LUNGS, (HEIGHT, HEIGHT), "was drawn on 40 × 40 pixels"),
        (LUNGS, (HEIGHT * 10**6, WIDTH * 10**6), "too large"),
        ('<mask label="lung" rle="1, 2" left="55" top="1" width="3" height="1"></mask>', (HEIGHT, WIDTH), "not fit"),
        ('<mask label="lung" rle="1, 9" left="5" top="1" width="3" height="1"></mask>', (HEIGHT, WIDTH), "10 pixels"),
    ],
)
def test_a_faulty_image_is_skipped_with_the_reason(tmp_path, shapes, size, reason):
    for seed, name in enumerate(("1.png", "2.png")):
        write_picture(tmp_path / "raw" / name, seed)
    write_cvat(tmp_path / "raw", image("1.png", shapes, size), image("2.png"))
    prepared = prepare("annotations", tmp_path / "raw", tmp_path / "out")
    assert prepared.images == 1
    (skipped,) = prepared.skipped
    assert skipped.file.name == "1.png"
    assert reason in skipped.reason


def test_named_labels_alone_count(tmp_path):
    write_picture(tmp_path / "1.png")
    write_cvat(tmp_path, image("1.png", LUNGS + polygon("Pulmón", "0,0;4,0;4,4;0,4")))
    (item,) = collect(tmp_path, Facts(lung_labels=("pulmón",))).items
    assert item.mask(HEIGHT, WIDTH).foreground.sum() == 16


def test_an_image_that_is_not_there_is_told(tmp_path):
    write_picture(tmp_path / "1.png")
    write_cvat(tmp_path, image("1.png"), image("gone.png"))
    (skipped,) = collect(tmp_path).skipped
    assert skipped.reason == "gone.png is not there"


def test_an_image_with_two_annotations_is_skipped(tmp_path):
    for seed, name in enumerate(("1.png", "2.png")):
        write_picture(tmp_path / name, seed)
    write_cvat(tmp_path, image("1.png"), image("2.png"))
    write_cvat(tmp_path / "again", image("1.png"))
    found = collect(tmp_path)
    assert [item.image.name for item in found.items] == ["2.png"]
    assert "annotated 2 times" in found.skipped[0].reason


def test_names_that_fit_two_images_are_told(tmp_path):
    for seed, name in enumerate(("a/1.png", "b/1.png")):
        write_picture(tmp_path / name, seed)
    write_cvat(tmp_path, image("1.png"))
    assert collect(tmp_path).skipped[0].reason == "1.png may be one of 2 images of this name"


def test_darwin_files_are_read_as_well(tmp_path):
    write_picture(tmp_path / "a.png")
    write_darwin(tmp_path / "1.json", "a.png", LEFT, RIGHT)
    (item,) = collect(tmp_path).items
    np.testing.assert_array_equal(item.mask(HEIGHT, WIDTH).foreground, BOTH)
    assert item.mask_convention is None


def test_unknown_classes_of_darwin_files_are_refused_unless_labels_are_named(tmp_path):
    write_picture(tmp_path / "a.png")
    write_darwin(tmp_path / "1.json", "a.png", LEFT, RIGHT | {"name": "Pulmo"})
    with pytest.raises(Exception, match="marks 'Pulmo'"):
        collect(tmp_path).items[0].mask(HEIGHT, WIDTH)
    (item,) = collect(tmp_path, Facts(lung_labels=("Pulmo",))).items
    assert item.mask(HEIGHT, WIDTH).foreground[:, :28].sum() == 600
    assert not item.mask(HEIGHT, WIDTH).foreground[:, 28:].any()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.xml", "<annotations><track></track></annotations>", "video"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "document type"),
        ("a.xml", "<annotations>", "no XML"),
        ("a.xml", '<annotations><image name="1.png" width="9"/></annotations>', "not as CVAT writes it"),
        ("a.json", "{", "not a JSON file"),
        ("a.json", json.dumps([{"annotation_id": 1, "image": "1.png"}]), "JSON-MIN"),
        ("a.json", json.dumps({"images": [{}], "annotations": [], "categories": []}), "COCO"),
        ("labelmap.txt", "lung:red::", "labels and colours"),
        ("a.seg.nrrd", "NRRD0004\ntype: uchar\n", "header"),
    ],
)
def test_a_file_that_cannot_be_read_is_skipped(tmp_path, name, content, reason):
    write_picture(tmp_path / "1.png")
    (tmp_path / name).write_text(content)
    (skipped,) = collect(tmp_path).skipped
    assert skipped.file.name == name
    assert reason in skipped.reason


def test_files_of_other_kinds_are_passed_over(tmp_path):
    write_picture(tmp_path / "1.png")
    write_cvat(tmp_path, image("1.png"))
    (tmp_path / "other.xml").write_text("<project/>")
    (tmp_path / "notes.json").write_text("[1, 2]")
    assert collect(tmp_path).skipped == []


def test_without_annotations_or_images_the_folder_is_refused(tmp_path):
    write_cvat(tmp_path, image("1.png"))
    with pytest.raises(DatalistError, match="holds no images"):
        collect(tmp_path)
    write_picture(tmp_path / "only" / "1.png")
    with pytest.raises(DatalistError, match="holds no annotations of a known tool"):
        collect(tmp_path / "only")
