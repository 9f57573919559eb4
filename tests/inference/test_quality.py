"""Measurements and flags, on masks whose every number can be counted by hand."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from drawn_lungs import certain, two_lungs
from PIL import Image
from pydicom.dataset import Dataset

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.image_traits import ImageTraits, grey_entropy, measure_traits
from monai_lungxfer.inference.measurements import Measurements, measure
from monai_lungxfer.inference.quality import FLAGS, THRESHOLDS, counted_flags, find_flags, is_cut_off
from monai_lungxfer.io.radiograph import Radiograph


@pytest.fixture
def usual() -> np.ndarray:
    return two_lungs(np.s_[20:80, 20:60], np.s_[25:75, 80:120])  # 60 x 40 and 50 x 40


def test_empty_mask_has_one_flag() -> None:
    mask = np.zeros((30, 50), np.uint8)
    measured = measure(mask, np.full((30, 50), 0.3, np.float32))
    assert measured.confidence is None
    assert measured.symmetry is None
    assert measured.height_share == 0
    assert find_flags(measured) == ("empty",)


def test_confidence_is_the_mean_over_lung_only(usual: np.ndarray) -> None:
    probability = np.full(usual.shape, 0.2, np.float32)
    probability[usual == 1] = 0.8
    probability[20:80, 20:60] = 0.9
    measured = measure(usual, probability)
    assert measured.confidence == pytest.approx((0.9 * 2400 + 0.8 * 2000) / 4400, abs=1e-6)
    assert find_flags(measured) == ("low_confidence",)


def test_one_lung() -> None:
    mask = np.zeros((100, 140), np.uint8)
    mask[10:90, 30:80] = 1
    measured = measure(mask, certain(mask))
    assert measured.components == 1
    assert measured.right_lung_px is None
    assert find_flags(measured) == ("not_two_lungs",)


def test_bridge_explains_the_single_piece(usual: np.ndarray) -> None:
    usual[48:52, 60:80] = 1
    assert find_flags(measure(usual, certain(usual))) == ("bridge",)


def test_island(usual: np.ndarray) -> None:
    usual[90:95, 65:75] = 1
    measured = measure(usual, certain(usual))
    assert (measured.components, measured.islands) == (3, 1)
    assert measured.right_lung_px == 2400
    assert find_flags(measured) == ("island",)


def test_bridge_and_island_survive_the_thinning_of_large_masks(usual: np.ndarray) -> None:
    usual[48:52, 60:80] = 1
    usual[90:95, 65:75] = 1
    large = usual.repeat(20, axis=0).repeat(20, axis=1)
    measured = measure(large, certain(large))
    assert (measured.bridges, measured.islands) == (1, 1)
    assert measured.lung_px == 400 * int(usual.sum())


def test_lungs_without_their_lower_half(usual: np.ndarray) -> None:
    usual[50:] = 0
    measured = measure(usual, certain(usual))
    assert measured.height_share == pytest.approx(0.3)
    assert measured.share > THRESHOLDS.min_share  # the area alone does not tell
    assert find_flags(measured) == ("short_lungs",)


@pytest.mark.parametrize(
    ("border", "symmetry", "expected"),
    [
        (0.2, 0.7, False),
        (0.201, 0.7, True),
        (0.1, 0.69, False),
        (0.101, 0.69, True),
        (0.101, None, True),
        (0, None, False),
    ],
)
def test_a_small_lung_at_the_border_is_cut_off(border: float, symmetry: float | None, expected: bool) -> None:
    assert is_cut_off(border, symmetry) == expected


def test_lungs_cut_off_at_the_border() -> None:
    mask = two_lungs(np.s_[20:80, 0:22], np.s_[25:75, 80:120])
    measured = measure(mask, certain(mask))
    assert measured.border == pytest.approx(60 / (2 * 100 + 2 * 138))
    assert find_flags(measured) == ("touches_border",)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"share": 0.149}, "area_out_of_range"),
        ({"share": 0.581}, "area_out_of_range"),
        ({"height_share": 0.479}, "short_lungs"),
        ({"symmetry": 0.599}, "asymmetric"),
        ({"border": 0.201}, "touches_border"),
        ({"border": 0.101, "symmetry": 0.69}, "touches_border"),
        ({"confidence": 0.899}, "low_confidence"),
        ({"dice_expected": THRESHOLDS.min_dice - 0.001}, "low_confidence"),
        ({"lung_cm2": 149.0}, "area_implausible"),
        ({"lung_cm2": 1001.0}, "area_implausible"),
    ],
)
def test_flags_begin_at_their_thresholds(usual: np.ndarray, change: dict[str, float], flag: str) -> None:
    measured = replace(measure(usual, certain(usual)), **change)
    assert find_flags(measured) == (flag,)
    if len(change) > 1:
        return  # where two limits meet, see the next test
    limits = {
        "share": (0.15, 0.58),
        "height_share": (0.48,),
        "symmetry": (0.6,),
        "border": (0.2,),
        "confidence": (0.9,),
        "dice_expected": (THRESHOLDS.min_dice,),
        "lung_cm2": (150, 1000),
    }
    for name in change:
        for limit in limits[name]:
            assert find_flags(replace(measured, **{name: limit})) == ()


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({}, ()),
        ({"is_colour": True}, ("colour_image",)),
        ({"entropy": 3.99}, ("few_shades",)),
        ({"is_frontal": True}, ()),
        ({"is_frontal": False, "entropy": 0.0}, ("few_shades", "not_frontal")),
    ],
)
def test_traits_of_the_image_are_flagged_beside_the_mask(
    usual: np.ndarray, change: dict[str, Any], flags: tuple[str, ...]
) -> None:
    traits = replace(ImageTraits(is_colour=False, is_frontal=None, entropy=4.0), **change)
    assert find_flags(measure(usual, certain(usual)), traits) == flags


@pytest.mark.parametrize(("view", "is_frontal"), [(None, None), ("AP", True), ("frontal", True), ("lateral", False)])
def test_traits_of_a_radiograph(view: str | None, is_frontal: bool | None) -> None:
    pixels = np.zeros((8, 12), np.float32)
    pixels[:, :6], pixels[:, 6:9] = 1000, -7  # shares of 1/2, 1/4 and 1/4
    traits = measure_traits(Radiograph(pixels, "dicom", is_colour=True, view=view))
    assert (traits.is_colour, traits.is_frontal) == (True, is_frontal)
    assert traits.entropy == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("age", "is_child"),
    [("015Y", True), ("016Y", False), ("23", False), ("7", True), ("190M", True), ("192M", False), ("003D", True)]
    + [(age, False) for age in ("", None, "Y", "adult", "-5Y")],
)
def test_children_have_smaller_lungs(usual: np.ndarray, age: str | None, is_child: bool) -> None:
    header = Dataset()
    header.add_new("PatientAge", "LO", age)  # as files have it, not as the standard wants it
    pixels = np.arange(4096, dtype=np.float32).reshape(64, 64)
    traits = measure_traits(Radiograph(pixels, "dicom", header=header))
    assert traits.is_child == is_child
    small = replace(measure(usual, certain(usual)), lung_cm2=26.0)  # of a newborn
    assert find_flags(small, traits) == (() if is_child else ("area_implausible",))
    assert find_flags(replace(small, lung_cm2=1001.0), traits) == ("area_implausible",)


def test_entropy_of_extremes() -> None:
    assert grey_entropy(np.full((40, 60), 3, np.float32)) == 0
    assert grey_entropy(np.arange(256, dtype=np.float32).reshape(8, 32)) == pytest.approx(8)
    large = np.arange(1600, dtype=np.float32)[:, None] % 2 + np.zeros((1, 1100), np.float32)
    assert grey_entropy(large) == pytest.approx(1, abs=1e-3)  # thinned out by an odd step, it has both values


@pytest.mark.parametrize(("low", "high"), [(1e7, 1e7 + 1), (-3e38, 3e38), (0, 1e-44)])
def test_entropy_of_ranges_that_a_histogram_of_float32_cannot_part(low: float, high: float) -> None:
    pixels = np.full((40, 60), low, np.float32)
    pixels[:20] = high
    assert grey_entropy(pixels) == pytest.approx(1)


def test_entropy_is_that_of_a_histogram_to_the_last_bit() -> None:
    generator = np.random.default_rng(0)
    for pixels in (generator.integers(0, 256, (64, 80)), generator.normal(100, 30, (64, 80)), np.eye(33)):
        pixels32 = pixels.astype(np.float32)
        exact = pixels32.astype(np.float64)
        relative = (exact - exact.min()) / (exact.max() - exact.min())
        counts = np.histogram(relative, bins=256, range=(0, 1))[0]
        shares = counts[counts > 0] / counts.sum()
        assert grey_entropy(pixels32) == float(np.sum(shares * np.log2(1 / shares)))


def test_entropy_has_256_bins_of_equal_width() -> None:
    generator = np.random.default_rng(0)
    for pixels in (generator.integers(3, 4000, (64, 64)), generator.normal(100, 30, (64, 64))):
        counts = np.histogram(pixels.astype(np.float32), bins=256)[0]
        shares = counts[counts > 0] / counts.sum()
        assert grey_entropy(pixels.astype(np.float32)) == pytest.approx(-np.sum(shares * np.log2(shares)), abs=1e-3)


def test_what_cleaning_took_away_is_still_flagged(usual: np.ndarray) -> None:
    raw = usual.copy()
    raw[48:52, 60:80] = 1  # 80 pixels
    raw[90:95, 65:75] = 1  # 50 pixels
    usual[30, 30] = 0
    measured = measure(usual, certain(usual), raw=raw)
    assert (measured.bridges, measured.islands, measured.components) == (1, 1, 2)
    assert measured.cleaned == pytest.approx(131 / 4530)
    assert measured.lung_px == 4399
    assert find_flags(measured) == ("bridge", "island")
    assert measure(raw, certain(raw)).cleaned == 0


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ((0.0, 0, 0), {"empty"}),
        ((0.149, 1, 0), {"area_out_of_range", "bridge"}),
        ((0.15, 0, 2), {"island"}),
        ((0.58, 0, 0), set()),
        ((0.581, 0, 0), {"area_out_of_range"}),
    ],
)
def test_a_report_is_flagged_as_the_mask_is(
    usual: np.ndarray, counted: tuple[float, int, int], expected: set[str]
) -> None:
    raised = counted_flags(*counted)
    assert {flag for flag, applies in raised.items() if applies} == expected
    share, bridges, islands = counted
    mask = replace(measure(usual, certain(usual)), share=share, bridges=bridges, islands=islands)
    assert set(find_flags(mask)) & set(raised) - {"empty"} == expected - {"empty"}


def test_other_thresholds(usual: np.ndarray) -> None:
    measured: Measurements = measure(usual, certain(usual))
    assert find_flags(measured, thresholds=replace(THRESHOLDS, min_symmetry=0.9)) == ("asymmetric",)
    assert set(asdict(THRESHOLDS)) == {
        "min_share",
        "max_share",
        "min_height_share",
        "min_symmetry",
        "max_border",
        "max_border_uneven",
        "min_symmetry_even",
        "min_adult_cm2",
        "max_cm2",
        "min_dice",
        "min_confidence",
        "min_entropy",
    }


def test_drawn_masks_are_rarely_flagged(shared_data) -> None:
    counts = dict.fromkeys(FLAGS, 0)
    records = load_datalist(shared_data / "portable")[::2] + load_datalist(shared_data / "general")[::20]
    for record in records:
        mask = (np.asarray(Image.open(record["label"]).convert("L")) > 127).astype(np.uint8)
        for flag in find_flags(measure(mask, certain(mask))):
            counts[flag] += 1
    assert max(counts.values()) <= 0.03 * len(records), counts
