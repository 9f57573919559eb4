"""Signs of damage in the picture: found in real radiographs that were damaged, and not in those that were not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.inference.picture_damage import NOISE, ONE_SHADE, REPEATED, ROLLED, SEAM, find_damage
from monai_lungxfer.io.radiograph import read_radiograph

Picture = np.ndarray


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[Picture]:
    files = sorted(path for name in ("native", "hannover") for path in (shared_data / name / "images").iterdir())
    return [read_radiograph(file).pixels for file in files[::5]]


def lower_half(change: Callable[[Picture, Picture], Picture | float]) -> Callable[[Picture, Picture], Picture]:
    def alter(picture: Picture, other: Picture) -> Picture:
        altered, half = picture.copy(), len(picture) // 2
        altered[half:] = change(picture[half:], np.resize(other, picture.shape)[half:])
        return altered

    return alter


FAULTS = {
    "grey": (lower_half(lambda *_: 128), {ONE_SHADE}),
    "black": (lower_half(lambda *_: 0), {ONE_SHADE}),
    "white": (lower_half(lambda *_: 255), {ONE_SHADE}),
    "noise": (lower_half(lambda part, _: np.random.default_rng(0).integers(0, 256, part.shape)), {NOISE}),
    "rows repeated": (lower_half(lambda part, _: part[0]), {REPEATED}),
    "upside down": (lower_half(lambda part, _: part[::-1]), {SEAM}),
    "rows shifted": (lower_half(lambda part, _: np.roll(part, part.shape[1] // 3, axis=1)), {SEAM}),
    "columns rolled": (lambda picture, _: np.roll(picture, picture.shape[1] // 3, axis=1), {SEAM, ROLLED}),
    "rows rolled": (lambda picture, _: np.roll(picture, len(picture) // 3, axis=0), {SEAM, ROLLED}),
}


def test_no_sound_radiograph_looks_damaged(pictures: list[Picture]) -> None:
    assert {find_damage(picture) for picture in pictures} == {None}


def saved_as_jpeg(picture: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32)


COARSE = {
    "JPEG of quality 20": lambda picture: saved_as_jpeg(picture, 20),
    "JPEG of quality 40": lambda picture: saved_as_jpeg(picture, 40),
    "enlarged pixels": lambda picture: picture[::4, ::4].repeat(4, axis=0).repeat(4, axis=1),
}


@pytest.mark.parametrize("kind", COARSE)
def test_edges_of_blocks_are_no_seams(pictures: list[Picture], kind: str) -> None:
    found = [find_damage(COARSE[kind](picture)) for picture in pictures]
    assert sum(sign is not None for sign in found) <= 0.1 * len(pictures)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(pictures: list[Picture], fault: str) -> None:
    alter, expected = FAULTS[fault]
    others = [*pictures[1:], pictures[0]]
    found = [find_damage(alter(picture, other)) for picture, other in zip(pictures, others, strict=True)]
    assert sum(one in expected for one in found) >= 0.9 * len(pictures)


@pytest.mark.parametrize("fault", ["grey", "noise", "rows repeated"])
def test_faults_are_found_along_columns(pictures: list[Picture], fault: str) -> None:
    """NIfTI stores column by column."""
    alter, expected = FAULTS[fault]
    assert {find_damage(alter(picture.T, picture).T) for picture in pictures} <= expected


def test_borders_are_no_damage(pictures: list[Picture]) -> None:
    for value in (0, 255):
        for height, width in ((0.2, 0), (0, 0.2), (0.2, 0.2), (0, 0)):
            sides = [(int(share * len(pictures[0])),) * 2 for share in (height, width)]
            assert find_damage(np.pad(pictures[0], sides, constant_values=value)) is None


def test_scale_and_channels_do_not_matter(pictures: list[Picture]) -> None:
    altered = FAULTS["grey"][0](pictures[0], pictures[1])
    for scale, offset in ((4000, -7), (1e-9, 0), (1e30, 0)):
        assert find_damage(pictures[0] * np.float32(scale) + np.float32(offset)) is None
        assert find_damage(np.stack([altered * np.float32(scale) + np.float32(offset)] * 3)) == ONE_SHADE


@pytest.mark.parametrize("shape", [(32, 32), (32, 400), (400, 33), (3, 40, 50)])
def test_any_size_and_content_can_be_looked_at(shape: tuple[int, ...]) -> None:
    for picture in (np.zeros(shape), np.random.default_rng(0).random(shape), np.indices(shape)[-1]):
        find_damage(picture.astype(np.float32))
