"""The content checks find each defect, name it, and go on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.checks import Problem, ProblemKind, check_datalist
from monai_lungxfer.data.datalist import load_datalist

SHAPE = (33, 41)


def _image(path: Path, seed: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, SHAPE, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def _mask(path: Path, pixels: np.ndarray | None = None) -> str:
    if pixels is None:
        pixels = np.zeros(SHAPE, np.uint8)
        pixels[2:5, 3:9] = 255
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture
def records(tmp_path):
    return [
        {
            "image": _image(tmp_path / f"image{i}.png", i),
            "label": _mask(tmp_path / f"mask{i}.png"),
            "patient": f"patient{i}",
        }
        for i in range(4)
    ]


def _only(problems: list[Problem], record: int, kind: ProblemKind) -> Problem:
    assert [(problem.record, problem.kind) for problem in problems] == [(record, kind)]
    assert problems[0].remedy
    return problems[0]


def test_good_records_have_no_problem(records):
    assert check_datalist(records) == []
    assert check_datalist({k: v for k, v in record.items() if k != "label"} for record in records) == []


@pytest.mark.parametrize("key", ["image", "label"])
def test_missing_file(records, key):
    Path(records[1][key]).unlink()
    problem = _only(check_datalist(records), 1, ProblemKind.MISSING_FILE)
    assert problem.message == f"{records[1][key]} does not exist"
    assert problem.image == records[1]["image"]


@pytest.mark.parametrize("key", ["image", "label"])
@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_unreadable_file(records, key, content):
    path = Path(records[2][key])
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    problem = _only(check_datalist(records), 2, ProblemKind.UNREADABLE)
    assert problem.message.startswith("its mask: ") == (key == "label")


def test_size_mismatch_tells_both_sizes(records):
    _mask(Path(records[0]["label"]), np.eye(41, 33, dtype=np.uint8) * 255)
    problem = _only(check_datalist(records), 0, ProblemKind.SIZE_MISMATCH)
    assert "41 × 33 pixels (rows × columns), not 33 × 41" in problem.message


def test_empty_mask_unless_allowed(records):
    _mask(Path(records[3]["label"]), np.zeros(SHAPE, np.uint8))
    _only(check_datalist(records), 3, ProblemKind.EMPTY_MASK)
    assert check_datalist(records, allow_empty_masks=True) == []


@pytest.mark.parametrize(
    ("levels", "shown"),
    [((0, 1, 2), "3 grey levels (0, 1, 2)"), ((0, 3, 128, 250, 254, 255), "6 grey levels (0, 3, 128, 250, 254, …)")],
)
def test_mask_with_unusual_levels(records, levels, shown):
    pixels = np.resize(np.array(levels, np.uint8), SHAPE)
    _mask(Path(records[0]["label"]), pixels)
    assert shown in _only(check_datalist(records), 0, ProblemKind.UNUSUAL_MASK).message


def test_mask_that_is_foreground_everywhere(records):
    _mask(Path(records[0]["label"]), np.full(SHAPE, 255, np.uint8))
    _only(check_datalist(records), 0, ProblemKind.UNUSUAL_MASK)


def test_two_level_masks_of_any_height_are_usual(records):
    _mask(Path(records[0]["label"]), np.eye(*SHAPE, dtype=np.uint8))
    Image.fromarray(np.eye(*SHAPE, dtype=bool)).save(records[1]["label"])
    assert check_datalist(records) == []


def test_same_pixels_in_another_file_format(records, tmp_path):
    with Image.open(records[0]["image"]) as image:
        image.save(tmp_path / "copy.tif")
    copy = records[0] | {"image": str(tmp_path / "copy.tif")}
    problem = _only(check_datalist([*records, copy]), 4, ProblemKind.DUPLICATE)
    assert re.search("same pixels .*record 0", problem.message)
    problem = _only(check_datalist([*records, copy | {"patient": "p9"}]), 4, ProblemKind.DUPLICATE_ACROSS_PATIENTS)
    assert "record 0, which is of another patient" in problem.message
    assert "p9" not in problem.message + problem.remedy


def test_same_pixels_in_another_shape_are_no_duplicate(records, tmp_path):
    with Image.open(records[0]["image"]) as image:
        turned = np.asarray(image).reshape(SHAPE[::-1])
    Image.fromarray(turned).save(tmp_path / "turned.png")
    label = _mask(tmp_path / "turned_mask.png", np.eye(*SHAPE[::-1], dtype=np.uint8))
    turned_record = {"image": str(tmp_path / "turned.png"), "label": label, "patient": "p9"}
    assert check_datalist([*records, turned_record]) == []


def test_colour_images_that_differ_in_one_channel_are_no_duplicate(records, tmp_path):
    pixels = np.random.default_rng(9).integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
    for record, blue in zip(records, (10, 11, 12, 12), strict=True):
        pixels[0, 0, 2] = blue
        Image.fromarray(pixels).save(record["image"])
    _only(check_datalist(records), 3, ProblemKind.DUPLICATE_ACROSS_PATIENTS)


def test_file_listed_twice_is_told_once(records, tmp_path):
    again = records[1] | {"image": str(tmp_path / "sub" / ".." / "image1.png")}
    (tmp_path / "sub").mkdir()
    _only(check_datalist([*records, again]), 4, ProblemKind.LISTED_TWICE)


def test_patient_in_two_sections(records):
    records[3]["patient"] = records[0]["patient"]
    sections = {"training": records[:3], "test": records[3:]}
    problem = _only(check_datalist(records, sections=sections), 3, ProblemKind.PATIENT_IN_TWO_SECTIONS)
    assert re.search("test .*training .*record 0", problem.message)
    assert check_datalist(records, sections={"training": records}) == []


def test_all_bad_records_are_told(records):
    Path(records[0]["image"]).write_bytes(b"")
    Path(records[2]["image"]).unlink()
    Path(records[2]["label"]).write_bytes(b"broken")
    problems = check_datalist(records)
    assert [(problem.record, problem.kind.value) for problem in problems] == [
        (0, "unreadable file"),
        (2, "missing file"),
        (2, "unreadable file"),
    ]


def test_real_radiographs(shared_data):
    assert check_datalist(load_datalist(shared_data / "portable")) == []


@pytest.mark.parametrize("foreground", [1, 255])
def test_inverted_mask(records, tmp_path, foreground):
    pixels = np.full(SHAPE, foreground, np.uint8)
    pixels[4:28, 5:17] = pixels[4:28, 24:36] = 0
    _mask(tmp_path / "mask2.png", pixels)
    for allowed in (False, True):
        problem = _only(check_datalist(records, allow_empty_masks=allowed), 2, ProblemKind.INVERTED_MASK)
        assert "100% of the edge around it is foreground" in problem.message


def test_mask_that_is_no_lung_unless_lesions_are_looked_for(records, tmp_path):
    pixels = np.zeros(SHAPE, np.uint8)
    pixels[7:9, 7:9] = 1
    _mask(tmp_path / "mask2.png", pixels)
    problem = _only(check_datalist(records), 2, ProblemKind.UNLIKE_LUNGS)
    assert "covers 0.3% of the image" in problem.message
    assert check_datalist(records, allow_empty_masks=True) == []
    assert check_datalist([record | {"finding": "lesion"} for record in records]) == []


def test_real_lesions_are_no_lungs_and_need_not_be(shared_data):
    scan = next((shared_data / "lgg" / "kaggle_3m").glob("TCGA_*"))
    target = load_datalist(shared_data / "lgg")
    records = [record for record in target if record["patient"] in scan.name]
    assert {problem.kind for problem in check_datalist(records)} <= {ProblemKind.EMPTY_MASK}
