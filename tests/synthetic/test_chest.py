"""Phantoms of chest radiographs: two lungs, opacities, and nothing that a threshold or a mirrored mask would solve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_lungxfer.synthetic.chest import FINDINGS, chest_radiograph, portable_radiograph

CHESTS = [chest_radiograph, portable_radiograph]
SEEDS = range(7)
BOTH_NEIGHBOURS = np.ones((3, 3))


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _dice(one: np.ndarray, two: np.ndarray) -> float:
    return float(2 * (one & two).sum() / (one.sum() + two.sum()))


def _noise(image: np.ndarray, mask: np.ndarray) -> float:
    """Estimate the noise's deviation in the lungs after Immerkaer (1996): edges and lines have no part in it."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    residual = np.abs(ndimage.convolve(image.astype(float), kernel))
    return float(np.sqrt(np.pi / 2) * residual[mask].mean() / 6)


def _otsu(image: np.ndarray) -> int:
    counts = np.bincount(image.ravel(), minlength=256).astype(float)
    weights, sums = counts.cumsum()[:-1], (counts * np.arange(256)).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] / counts.sum() * weights - sums[:-1]) ** 2 / (weights * (counts.sum() - weights))
    return int(np.nanargmax(between))


@pytest.mark.parametrize("draw", CHESTS)
@pytest.mark.parametrize(("height", "width"), [(48, 48), (96, 80), (110, 130)])
def test_every_mask_has_two_lungs_and_the_right_one_is_larger(draw, height, width):
    ratios = []
    for seed in SEEDS:
        image, mask = draw(_rng(seed), height, width, FINDINGS[seed % 3])
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((height, width), np.uint8, (height, width), bool)
        labels, count = ndimage.label(mask, BOTH_NEIGHBOURS)
        assert count == 2
        by_column = sorted((1, 2), key=lambda label: ndimage.center_of_mass(labels == label)[1])
        right, left = ((labels == label).sum() for label in by_column)
        ratios.append(right / left)
    # The patient's right lung is on the image's left; the heart takes its room from the other.
    assert np.mean(ratios) > 1.08


def test_mirroring_is_noticed():
    overlaps = []
    for seed in SEEDS:
        _, mask = chest_radiograph(_rng(seed), 128, 110, "normal")
        mirrored = mask[:, ::-1]
        shift = round(ndimage.center_of_mass(mask)[1] - ndimage.center_of_mass(mirrored)[1])
        overlaps.append(_dice(mask, np.roll(mirrored, shift, axis=1)))
    assert np.mean(overlaps) < 0.92


@pytest.mark.parametrize("finding", FINDINGS)
def test_lungs_are_darker_than_what_lies_between_them(finding):
    for seed in SEEDS:
        image, mask = chest_radiograph(_rng(seed), 128, 110, finding)
        columns = np.arange(mask.shape[1])
        centre = ndimage.center_of_mass(mask)[1]
        between = (np.cumsum(mask, axis=1) > 0) & (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] > 0) & ~mask
        between &= np.abs(columns - centre) < 8
        assert image[mask].mean() < image[between].mean() - 40


def test_opacities_brighten_the_lungs_and_stay_in_the_mask():
    pairs = {name: [chest_radiograph(_rng(seed), 128, 110, name) for seed in SEEDS] for name in FINDINGS}
    means = {name: np.mean([image[mask].mean() for image, mask in pairs[name]]) for name in FINDINGS}
    assert means["normal"] < means["pathological"] < means["covid19"]
    for (_, clear), (_, hazy) in zip(pairs["normal"], pairs["covid19"], strict=True):
        np.testing.assert_array_equal(clear, hazy)  # opaque lung is lung


@pytest.mark.parametrize("draw", CHESTS)
def test_a_threshold_is_no_solution(draw):
    for seed in SEEDS:
        image, mask = draw(_rng(seed), 128, 110, FINDINGS[seed % 3])
        assert _dice(image <= _otsu(image), mask) < 0.85
        assert max(_dice(image <= threshold, mask) for threshold in range(5, 250, 5)) < 0.85


def test_an_average_mask_is_no_solution():
    masks = [chest_radiograph(_rng(seed), 96, 96, "normal")[1] for seed in range(20)]
    average = np.mean(masks, axis=0) > 0.5
    assert np.mean([_dice(average, mask) for mask in masks]) < 0.86


def test_portable_has_less_contrast_and_more_noise():
    contrasts, noises = [], []
    for draw in CHESTS:
        pairs = [draw(_rng(seed), 160, 140, "normal") for seed in SEEDS]
        rims = [ndimage.binary_dilation(mask, iterations=10) & ~ndimage.binary_dilation(mask, iterations=3)
                for _, mask in pairs]  # fmt: skip
        contrasts.append(np.mean([i[rim].mean() - i[m].mean() for (i, m), rim in zip(pairs, rims, strict=True)]))
        noises.append(np.mean([_noise(image, mask) for image, mask in pairs]))
    assert contrasts[1] < 0.75 * contrasts[0]
    assert noises[1] > 1.3 * noises[0]


def test_the_portable_mask_fits_its_tilted_image():
    for seed in range(6):
        image, mask = portable_radiograph(_rng(seed), 160, 140, "normal")
        smooth = ndimage.gaussian_filter(image.astype(float), 1.5)
        inner = ndimage.binary_erosion(mask, iterations=4)
        outer = ndimage.binary_dilation(mask, iterations=6) & ~ndimage.binary_dilation(mask, iterations=3)
        assert smooth[inner].mean() < smooth[outer].mean() - 10
        _, upright = chest_radiograph(_rng(seed), 160, 140, "normal")
        assert 0.4 < _dice(mask, upright) < 0.995


def test_a_wrong_finding_or_size_is_refused():
    with pytest.raises(ValueError, match="measles"):
        chest_radiograph(_rng(0), 64, 64, "measles")
    with pytest.raises(ValueError, match="30x64"):
        portable_radiograph(_rng(0), 30, 64, "normal")
