"""Agreement of readers on masks that were drawn by hand, with a Dice coefficient that is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.metrics.reader_agreement import ReaderMasks, combine_masks, describe_agreement, mask_dice
from monai_lungxfer.utils.errors import InputFileError

NAMES = ("DICE_HARD", "BIOU")


def band(first: int, last: int, height: int = 60, width: int = 50) -> np.ndarray:
    """Return a mask of some rows."""
    mask = np.zeros((height, width), np.uint8)
    mask[first:last] = 1
    return mask


def disc(radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:160, :160]
    return (rows - 80) ** 2 + (columns - 80) ** 2 < radius**2


def draw(folder: Path, **masks: np.ndarray) -> Path:
    for name, mask in masks.items():
        save_mask(folder / f"{name}.png", mask)
    return folder


@pytest.fixture
def records(tmp_path: Path) -> list[dict[str, Any]]:
    """Three images, whose labels have 20 rows."""
    draw(tmp_path / "masks", **dict.fromkeys(("a", "b", "c"), band(10, 30)))
    return [
        {"image": str(tmp_path / "images" / f"{name}.jpg"), "label": str(tmp_path / "masks" / f"{name}.png")}
        for name in "abc"
    ]


def test_the_dice_of_a_second_reader_is_measured(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    second = draw(tmp_path / "second", a=band(10, 30), b_mask=band(15, 35))
    readers = ReaderMasks([second], records, NAMES)
    assert readers.names == ("DICE_READERS", "BIOU_READERS")
    first, shifted, missing = map(readers.measure, records)
    assert first == {"DICE_READERS": 1, "BIOU_READERS": 1}
    assert shifted["DICE_READERS"] == pytest.approx(2 * 15 / 40)
    assert all(map(math.isnan, missing.values()))


def test_what_the_network_lacks_is_told_of_the_same_images() -> None:
    rows = [
        {"DICE_HARD": 0.9, "DICE_READERS": 0.94},
        {"DICE_HARD": 0.8, "DICE_READERS": 0.96},
        {"DICE_HARD": 0.1, "DICE_READERS": math.nan},
    ]
    found = describe_agreement(rows, 1)
    assert found == pytest.approx({"readers": 1, "images": 2, "network": 0.85, "ceiling": 0.95, "difference": -0.1})
    assert describe_agreement(rows[2:], 1)["ceiling"] is None


def staple(masks: np.ndarray, rounds: int = 200) -> np.ndarray:
    """Expectation and maximisation as Warfield et al. write them, for masks (readers, pixels)."""
    prior = masks.mean()
    hits, rejections = np.full(len(masks), 0.99), np.full(len(masks), 0.99)
    for _ in range(rounds):
        lung = np.where(masks, hits[:, None], 1 - hits[:, None]).prod(axis=0) * prior
        rest = np.where(masks, 1 - rejections[:, None], rejections[:, None]).prod(axis=0) * (1 - prior)
        weight = lung / (lung + rest)
        hits = (masks * weight).sum(axis=1) / weight.sum()
        rejections = (~masks * (1 - weight)).sum(axis=1) / (1 - weight).sum()
    return weight >= 0.5


def test_readers_are_combined_by_staple() -> None:
    pytest.importorskip("SimpleITK")
    masks = [band(10, 30).astype(bool), band(11, 30).astype(bool), band(0, 45).astype(bool)]
    combined = combine_masks(masks)
    within = np.array([mask[:45].ravel() for mask in masks])  # the box around all masks
    np.testing.assert_array_equal(combined[:45].ravel(), staple(within))
    assert not combined[45:].any()
    assert mask_dice(combined, masks[0]) > 0.97  # the careless reader is outvoted


def test_black_rows_around_masks_do_not_change_what_readers_mean() -> None:
    pytest.importorskip("SimpleITK")
    masks = [disc(60), disc(70)]
    padded = combine_masks([np.pad(mask, 600) for mask in masks])
    np.testing.assert_array_equal(padded[600:-600, 600:-600], combine_masks(masks))


def test_readers_who_agree_need_no_staple() -> None:
    np.testing.assert_array_equal(combine_masks([band(3, 9)] * 3), band(3, 9))
    assert not combine_masks([band(0, 0)] * 2).any()


def test_two_readers_are_compared_with_the_label_together(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    folders = [draw(tmp_path / f"reader{number}", a=band(12, 32)) for number in range(2)]
    found = ReaderMasks(folders, records, NAMES).measure(records[0])
    assert found["DICE_READERS"] == pytest.approx(2 * 18 / 40)
    draw(folders[0], b=band(12, 32))  # of one reader alone: two do not agree on it
    assert math.isnan(ReaderMasks(folders, records, NAMES).measure(records[1])["DICE_READERS"])


def test_what_does_not_fit_is_refused(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    with pytest.raises(InputFileError, match="no such folder"):
        ReaderMasks([tmp_path / "absent"], records, NAMES)
    with pytest.raises(InputFileError, match="no mask is of an image"):
        ReaderMasks([draw(tmp_path / "others", z=band(1, 2))], records, NAMES)
    twice = draw(tmp_path / "twice", a=band(1, 2))
    (twice / "a.jpg").touch()
    with pytest.raises(InputFileError, match="two masks are named a"):
        ReaderMasks([twice], records, NAMES)
    small = draw(tmp_path / "small", a=band(1, 9, height=40))
    with pytest.raises(InputFileError, match="50 x 40 pixels, and the label 50 x 60"):
        ReaderMasks([small], records, NAMES).measure(records[0])
