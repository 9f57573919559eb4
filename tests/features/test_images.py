from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from monai_lungxfer.features.images import (
    ImageSet,
    choose_channels,
    normalise,
    order_by_patients,
    prepare_image,
    read_image_set,
)
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.utils.errors import DatalistError


def test_domains_are_told_apart(radiographs: ImageSet, slices: ImageSet) -> None:
    assert (radiographs.is_mri, radiographs.target) == (False, "lung")
    assert (slices.is_mri, slices.target) == (True, "lesion")
    assert len(radiographs.records) == len(slices.records) == 8


def test_the_order_goes_round_the_patients() -> None:
    records = [{"image": str(number), "patient": "abc"[number // 4 if number < 8 else 2]} for number in range(9)]
    ordered = order_by_patients(records, seed=3)
    assert {record["patient"] for record in ordered[:3]} == {"a", "b", "c"}
    assert {record["patient"] for record in ordered[3:5]} == {"a", "b"}
    assert sorted(record["image"] for record in ordered) == sorted(record["image"] for record in records)
    assert order_by_patients(records, seed=3) == ordered != order_by_patients(records, seed=4)


def test_a_bad_image_and_a_mask_of_another_size_are_left_out(phantoms: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(phantoms / "portable", tmp_path / "data"))
    first, second, *rest = sorted((data / "masks").iterdir())
    first.write_bytes(b"no mask")
    shutil.copy(next(one for one in rest if one.stat().st_size != second.stat().st_size), second)
    found = read_image_set("cxr", data)
    assert len(found.records) == 14
    assert {Path(one.image).stem for one in found.skipped} == {first.stem, second.stem}
    assert found.sha256 != read_image_set("cxr", phantoms / "portable").sha256


def test_few_patients_and_odd_names_are_refused(phantoms: Path) -> None:
    with pytest.raises(DatalistError, match="fewer than 5 patients"):
        read_image_set("cxr", phantoms / "portable", limit=4)
    with pytest.raises(DatalistError, match="not a name for a domain"):
        read_image_set("a/b", phantoms / "portable")


def test_an_image_is_brought_to_the_network(
    compared: list[ComparedNetwork], radiographs: ImageSet, slices: ImageSet
) -> None:
    chest = prepare_image(radiographs.records[0], is_mri=False, network=compared[0])
    assert (chest.pixels.shape, chest.mask.shape) == ((3, 64, 64), (64, 64))
    assert torch.equal(chest.pixels[0], chest.pixels[2])
    brain = prepare_image(slices.records[0], is_mri=True, network=compared[0])
    assert not torch.equal(brain.pixels[0], brain.pixels[2])
    scaled = normalise(brain.pixels, compared[0])
    assert scaled.mean((1, 2)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert scaled.std((1, 2), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-4)


def test_channels_follow_the_weights(compared: list[ComparedNetwork]) -> None:
    network = compared[0]
    assert choose_channels(is_mri=False, network=network) == "grey"
    assert choose_channels(is_mri=True, network=network) == "rgb"
    assert choose_channels(is_mri=True, network=replace(network, channels="post")) == "post"
    grey = replace(network, description=network.description | {"in_channels": 1})
    assert choose_channels(is_mri=True, network=grey) == "flair"
