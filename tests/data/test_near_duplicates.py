"""Pictures that are nearly the same, found among real radiographs, and named once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from monai_lungxfer.data import near_duplicates
from monai_lungxfer.data.checks import Problem, ProblemKind
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.near_duplicates import DuplicateSearch


def resize(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 3, image.height // 2))


def brighten(image: Image.Image) -> Image.Image:
    return image.point(lambda value: round(255 * (value / 255) ** 0.6))


def cut(image: Image.Image) -> Image.Image:
    return image.crop((4, 4, image.width - 4, image.height - 4))


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[Image.Image]:
    records = {record["patient"]: record for record in load_datalist(shared_data / "portable")}
    return [Image.open(record["image"]).convert("L") for record in list(records.values())[:24]]


def search(pictures: list[Image.Image], patients: list[str], leave_out: tuple[int, ...] = ()) -> list[Problem]:
    looking = DuplicateSearch()
    for index, (picture, patient) in enumerate(zip(pictures, patients, strict=True)):
        looking.add(index, {"image": f"{index}.png", "patient": patient}, np.asarray(picture, np.float32))
    return looking.find(leave_out)


def names(number: int) -> list[str]:
    return [f"secret{index}" for index in range(number)]


def test_pictures_of_different_patients_are_not_taken_for_one(pictures: list[Image.Image]) -> None:
    assert search(pictures, names(24)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (resize, ""),
        (brighten, ""),
        (cut, ""),
        (ImageOps.equalize, ""),
        (ImageOps.mirror, "mirrored, "),
        (ImageOps.invert, "inverted, "),
        (lambda image: ImageOps.invert(ImageOps.mirror(image)), "mirrored, inverted, "),
    ],
)
def test_a_copy_under_another_name_is_found(pictures: list[Image.Image], tmp_path: Path, change, words) -> None:
    change(pictures[7]).save(tmp_path / "copy.jpg", quality=60)
    with Image.open(tmp_path / "copy.jpg") as copy:
        (problem,) = search([*pictures, copy], names(25))
    assert (problem.record, problem.image, problem.kind) == (24, "24.png", ProblemKind.NEAR_DUPLICATE)
    assert problem.message.startswith(
        f"is nearly the picture of record 7, which is of another patient ({words}correlation of details "
    )
    assert "secret" not in problem.message + problem.remedy


def test_copies_of_the_same_patient_and_those_that_are_reported_already_are_no_news(pictures) -> None:
    doubled = [*pictures[:3], pictures[0]]
    assert search(doubled, ["a", "b", "c", "a"]) == []
    assert search(doubled, ["a", "b", "c", "d"], leave_out=(3,)) == []
    assert [problem.record for problem in search(doubled, ["a", "b", "c", "d"])] == [3]


def test_colour_and_flat_pictures_can_be_compared(pictures: list[Image.Image]) -> None:
    looking = DuplicateSearch()
    grey = np.asarray(pictures[0], np.float32)
    for index, pixels in enumerate((grey, np.stack([grey] * 3), np.zeros((40, 50)), np.ones((50, 40)))):
        looking.add(index, {"image": "x.png", "patient": str(index)}, pixels.astype(np.float32))
    assert [problem.record for problem in looking.find()] == [1]
    assert DuplicateSearch().find() == []


@pytest.mark.parametrize(("gain", "offset"), [(1e33, 0), (1e-33, 0), (1, 1e5)])
def test_any_grey_scale_can_be_compared(pictures: list[Image.Image], gain: float, offset: float) -> None:
    grey = np.asarray(pictures[0], np.float32)
    looking = DuplicateSearch()
    for index, pixels in enumerate((grey * gain + offset, grey)):
        looking.add(index, {"image": "x.png", "patient": str(index)}, pixels.astype(np.float32))
    assert [problem.record for problem in looking.find()] == [1]


def test_slices_of_brain_mri_are_not_compared(pictures: list[Image.Image]) -> None:
    looking = DuplicateSearch()
    for index in range(2):
        record = {"image": "x.png", "patient": str(index), "finding": "lesion"}
        looking.add(index, record, np.asarray(pictures[0], np.float32))
    assert looking.find() == []


def test_many_pictures_are_compared_batch_by_batch(pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "_BATCH", 5)
    assert [p.record for p in search([*pictures, pictures[2], pictures[23]], names(26))] == [24, 25]


@pytest.mark.parametrize(
    ("names_of_images", "found"),
    [
        (("cohen-1676553", "cohen-1676709"), [1]),  # one has the words "day 1": one patient under two names
        (("kermany-964551", "kermany-965046"), []),  # two children who look alike, the nearest of 1.5 million pairs
    ],
)
def test_the_real_pairs_on_both_sides_of_the_threshold(shared_data: Path, names_of_images, found) -> None:
    images = [Image.open(shared_data / "general" / "images" / f"{name}.jpg").convert("L") for name in names_of_images]
    assert [problem.record for problem in search(images, names(2))] == found
