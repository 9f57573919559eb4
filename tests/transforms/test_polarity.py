"""The grey scale is turned round where air is certainly bright, and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, LoadImaged, NormalizeIntensityd
from PIL import Image

from monai_lungxfer.inference.content_check import CONTENT_KEY, TURNED_ROUND_KEY, Content
from monai_lungxfer.io.monai_readers import RadiographReader, as_meta_tensor
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.transforms.polarity import FixPolarityd
from monai_lungxfer.transforms.resize import AntialiasedResized


def steps(**settings: bool) -> Compose:
    return Compose(
        [
            AntialiasedResized(keys="image", spatial_size=(128, 128)),
            FixPolarityd(keys="image", **settings),
            NormalizeIntensityd(keys="image", channel_wise=True),
        ]
    )


def without() -> Compose:
    resize, _, normalise = steps().transforms
    return Compose([resize, normalise])


def prepared(pixels: np.ndarray, transform: Compose) -> MetaTensor:
    return transform({"image": as_meta_tensor(Radiograph(pixels.astype(np.float32), "array"))})["image"]


@pytest.fixture
def chests(shared_data: Path) -> list[np.ndarray]:
    return [read_radiograph(file).pixels for file in sorted((shared_data / "native" / "images").iterdir())[:4]]


def test_inverted_radiographs_become_the_plain_ones(chests: list[np.ndarray]) -> None:
    for pixels in chests:
        plain, inverted = prepared(pixels, steps()), prepared(65535 - 257 * pixels, steps())
        assert torch.allclose(plain.as_tensor(), inverted.as_tensor(), atol=1e-4)
        assert [bool(one.meta[TURNED_ROUND_KEY]) for one in (plain, inverted)] == [False, True]
        assert Content.from_array(inverted.meta[CONTENT_KEY]).is_reversed


def test_a_black_border_stays_black(chests: list[np.ndarray]) -> None:
    """In what a viewer shows of an inverted picture: turned to white, it would be taken for dense tissue."""
    for pixels in chests:
        plain, inverted = (prepared(np.pad(shown, 90), steps()) for shown in (pixels, 255 - pixels))
        assert inverted.meta[TURNED_ROUND_KEY]
        difference = (plain.as_tensor() - inverted.as_tensor()).abs()
        assert difference.quantile(0.95) < 0.2  # of a standard deviation; all but the line around the border


def test_other_pictures_stay_as_they_are(chests: list[np.ndarray], shared_data: Path) -> None:
    slices = [read_radiograph(file).pixels for file in sorted((shared_data / "lgg").rglob("*_1?.tif"))[:10]]
    noise = np.random.default_rng(0).random((90, 80))
    before = without()
    for pixels in [*chests, noise, *slices, *(-one for one in slices)]:
        assert torch.equal(prepared(pixels, steps()).as_tensor(), prepared(pixels, before).as_tensor())


def test_it_can_be_switched_off(chests: list[np.ndarray]) -> None:
    image = prepared(-chests[0], steps(active=False))
    assert torch.equal(image.as_tensor(), prepared(-chests[0], without()).as_tensor())
    assert Content.from_array(image.meta[CONTENT_KEY]).is_certainly_reversed
    assert not image.meta[TURNED_ROUND_KEY]


def test_batches_of_files_are_told_by_name(
    chests: list[np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a run of a bundle, where MONAI collates the metadata."""
    for name, pixels in (("plain", chests[0]), ("inverted", 255 - chests[0])):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    load = LoadImaged(keys="image", reader=RadiographReader, ensure_channel_first=True)
    files = [{"image": tmp_path / name} for name in ("plain.png", "inverted.png")]
    with caplog.at_level(logging.WARNING):
        (batch,) = DataLoader(Dataset(files, Compose([load, *steps().transforms])), batch_size=2)
    assert torch.allclose(batch["image"][0], batch["image"][1], atol=1e-4)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("monai_lungxfer")]
    assert told == [
        f"{tmp_path / 'inverted.png'}: its grey scale was turned round, since air was bright by the look of the picture"
    ]
