"""Copies of real radiographs are found, and two radiographs of one patient are not taken for one."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.near_duplicates import extract_detail
from monai_lungxfer.selection.duplicates import find_near_duplicates


@pytest.fixture(scope="module")
def of_one_patient(shared_data: Path) -> list[Image.Image]:
    """All radiographs of the patient who has most."""
    records = load_datalist(shared_data / "portable")
    patients = [record["patient"] for record in records]
    most = max(set(patients), key=lambda patient: (patients.count(patient), patient))
    found = [Image.open(record["image"]).convert("L") for record in records if record["patient"] == most]
    assert len(found) > 3
    return found


def details(pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([extract_detail(np.asarray(picture, np.float32)) for picture in pictures])


def resave(picture: Image.Image, quality: int) -> Image.Image:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_two_radiographs_of_one_patient_are_two(of_one_patient: list[Image.Image]) -> None:
    assert find_near_duplicates(details(of_one_patient)) == []


def test_a_copy_and_a_compressed_one_are_found(of_one_patient: list[Image.Image]) -> None:
    first, second, *others = of_one_patient
    copy, compressed = find_near_duplicates(details([first, second, *others, first.copy(), resave(second, 20)]))
    number = len(of_one_patient)
    assert (copy.kept, copy.left_out, compressed.kept, compressed.left_out) == (0, number, 1, number + 1)
    assert copy.distance == pytest.approx(0, abs=1e-5)
    assert 0 < compressed.distance < 0.15


def test_of_three_copies_the_first_is_kept_and_a_labelled_one_before_it(of_one_patient: list[Image.Image]) -> None:
    first = of_one_patient[0]
    triple = details([first, resave(first, 80), resave(first, 50)])
    assert [(pair.kept, pair.left_out) for pair in find_near_duplicates(triple)] == [(0, 1), (0, 2)]
    assert [(pair.kept, pair.left_out) for pair in find_near_duplicates(triple, first=[2])] == [(2, 0), (2, 1)]


def test_pictures_without_detail_are_not_compared() -> None:
    assert find_near_duplicates(np.zeros((3, 4096), np.float32)) == []
