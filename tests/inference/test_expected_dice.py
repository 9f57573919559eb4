"""The expected Dice coefficient: trees by hand, and the shipped ones on real radiographs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_lungs import certain, two_lungs

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.expected_dice import ExpectedDice
from monai_lungxfer.inference.mask_doubt import NAMES, MaskDoubt, measure_doubt
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph

MODEL = ModelIdentity("a_bundle", "1", "0" * 64)
TREES = {
    # The first asks for the solidity, then on the left for the share; the second is one leaf.
    "feature": np.array([[NAMES.index("solidity"), NAMES.index("share"), -1, -1, -1], [-1, 0, 0, 0, 0]]),
    "threshold": np.array([[0.8, 0.3, 0, 0, 0], [0, 0, 0, 0, 0]], np.float32),
    "left": np.array([[1, 3, 0, 0, 0], [0, 0, 0, 0, 0]]),
    "right": np.array([[2, 4, 0, 0, 0], [0, 0, 0, 0, 0]]),
    "value": np.array([[0, 0, 3, 1, 2], [10, 0, 0, 0, 0]], np.float32),
    "score": np.array([11.0, 13.0]),
    "expected": np.array([0.8, 0.96]),
    "low": np.array([0.6, 0.94]),
    "high": np.array([0.9, 0.98]),
}


@pytest.fixture
def doubt() -> MaskDoubt:
    mask = certain(two_lungs(np.s_[20:80, 20:60], np.s_[25:75, 80:120]))
    return measure_doubt(mask, mask, None)


@pytest.mark.parametrize(
    ("solidity", "share", "score"), [(0.81, 0.2, 13), (0.8, 0.3, 11), (0.8, 0.31, 12), (0.0, 0.0, 11)]
)
def test_trees(doubt: MaskDoubt, solidity: float, share: float, score: float) -> None:
    changed = replace(doubt, solidity=solidity, share=share)
    assert ExpectedDice(TREES).score(changed.as_vector()) == score
    estimate = ExpectedDice(TREES)(changed)
    assert estimate.dice_expected == pytest.approx(0.8 + 0.08 * (score - 11))
    assert estimate.dice_low == pytest.approx(0.6 + 0.17 * (score - 11))
    assert estimate.dice_high == pytest.approx(0.9 + 0.04 * (score - 11))


def test_other_weights_and_settings_have_no_estimate(tmp_path: Path) -> None:
    file = tmp_path / "expected.npz"
    ExpectedDice.save({MODEL.weights_sha256: TREES}, file)
    assert ExpectedDice.load(MODEL, file) is not None
    assert ExpectedDice.load(replace(MODEL, overrides=("precision=auto",)), file) is not None
    assert ExpectedDice.load(replace(MODEL, overrides=("precision=auto", "image_size=[256, 256]")), file) is None
    assert ExpectedDice.load(replace(MODEL, weights_sha256="1" * 64), file) is None


def test_trees_of_other_numbers_are_not_used(tmp_path: Path) -> None:
    file = tmp_path / "older.npz"
    np.savez(file, names=np.array(NAMES[:-1]), **{f"{MODEL.weights_sha256}/{name}": TREES[name] for name in TREES})
    assert ExpectedDice.load(MODEL, file) is None


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.from_bundle("portable", device="cpu")


def test_real_radiographs(shared_data: Path, segmenter: Segmenter) -> None:
    errors = []
    for record in load_datalist(shared_data / "portable")[::16]:
        radiograph, drawn = read_radiograph(record["image"]), read_mask(record["label"])
        found = segmenter.segment(radiograph)
        measured = found.measurements
        assert measured.dice_low <= measured.dice_expected <= measured.dice_high
        errors.append(measured.dice_expected - 2 * np.sum(found.mask & drawn) / (found.mask.sum() + drawn.sum()))
        aside = segmenter.segment(replace(radiograph, pixels=np.rot90(radiograph.pixels).copy()))
        assert aside.measurements.dice_expected < 0.85 < measured.dice_expected
        assert "low_confidence" in aside.flags
    assert np.mean(np.abs(errors)) < 0.03


def test_own_weights_have_none(segmenter: Segmenter, shared_data: Path) -> None:
    other = Segmenter.from_bundle("portable", device="cpu", overrides={"threshold": 0.4})
    found = other.segment_file(min((shared_data / "native" / "images").iterdir()))
    assert found.dice == {"dice_expected": None, "dice_low": None, "dice_high": None}


def test_the_batch_does_not_matter(shared_data: Path, segmenter: Segmenter) -> None:
    radiographs = [read_radiograph(file) for file in sorted((shared_data / "native" / "images").iterdir())[:3]]
    together = segmenter.segment_many(radiographs)
    alone = [segmenter.segment(radiograph) for radiograph in radiographs]
    for one, other in zip(together, alone, strict=True):
        assert one.dice["dice_expected"] == pytest.approx(other.dice["dice_expected"], abs=0.01)
