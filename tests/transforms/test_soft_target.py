"""Targets of a student: what is drawn, what teachers think, and what no loss may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_lungs import two_lungs
from monai.transforms import LoadImaged, SelectItemsd
from PIL import Image

from monai_lungxfer.io.monai_readers import MaskReader, RadiographReader
from monai_lungxfer.transforms.inverted_masks import RefuseInvertedMasksd
from monai_lungxfer.transforms.soft_target import SoftTargetd, with_soft_targets
from monai_lungxfer.utils.errors import InputFileError

MASK = two_lungs((slice(10, 80), slice(10, 50)), (slice(10, 80), slice(80, 120)))


def written(path: Path, pixels: np.ndarray) -> str:
    Image.fromarray(pixels).save(path)
    return str(path)


def test_drawn_masks_soft_ones_and_ignored_pixels_are_told_apart(tmp_path: Path) -> None:
    soft = np.arange(100 * 140).reshape(100, 140).astype(np.uint8)
    ignored = np.zeros_like(MASK)
    ignored[:20] = 255
    drawn = {"label": written(tmp_path / "mask.png", MASK * 255), "ignore": written(tmp_path / "ignore.png", ignored)}
    result = SoftTargetd("label")(drawn)["label"]
    assert result.shape == (1, 100, 140)
    assert (result[0, :20] == 255).all()
    assert np.array_equal(result[0, 20:].numpy(), 254 * MASK[20:].astype(np.float32))
    pseudo = SoftTargetd("label")({"label": written(tmp_path / "soft.png", soft), "soft": True})["label"]
    assert np.array_equal(pseudo[0].numpy(), soft.astype(np.float32))


def test_pixels_to_ignore_of_another_size_and_inverted_masks_are_refused(tmp_path: Path) -> None:
    record = {"label": written(tmp_path / "mask.png", MASK * 255)}
    record["ignore"] = written(tmp_path / "ignore.png", np.zeros((50, 140), np.uint8))
    with pytest.raises(InputFileError, match=r"ignore\.png: it has 50 × 140 pixels"):
        SoftTargetd("label")(record)
    with pytest.raises(InputFileError, match=r"inverted\.png"):
        SoftTargetd("label")({"label": written(tmp_path / "inverted.png", 255 - MASK * 255)})


def test_the_transforms_of_a_bundle_keep_all_but_the_reading_of_masks() -> None:
    image = LoadImaged("image", RadiographReader, ensure_channel_first=True)
    select = SelectItemsd(["image", "label"])
    given = [select, image, LoadImaged("label", MaskReader), RefuseInvertedMasksd("label")]
    first, *others = with_soft_targets(given)
    assert isinstance(first, SoftTargetd)
    assert others == [select, image]
