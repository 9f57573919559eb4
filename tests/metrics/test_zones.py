"""Dice beyond a band, and distances by zone, compared with a few lines of NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_lungs import two_lungs

from monai_lungxfer.metrics.per_image import ZONE_METRICS, image_metrics
from monai_lungxfer.metrics.zones import ZONES, dice_beyond_band, find_zones, zone_distances

RIGHT = (slice(10, 60), slice(10, 40))  # the patient's, on the left side of the image: 50 rows high, 30 columns wide
LEFT = (slice(10, 60), slice(60, 90))
TRUTH = two_lungs(RIGHT, LEFT, (70, 100)).astype(bool)


def distances_to(points: np.ndarray, others: np.ndarray, spacing: tuple[float, float] = (1, 1)) -> np.ndarray:
    """Distance of each point to the nearest of the others."""
    return np.hypot(*np.moveaxis((points[:, None] - others[None]) * spacing, -1, 0)).min(axis=1)


def contour_points(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inner)


def test_the_band_is_two_pixels_on_both_sides() -> None:
    """What is wrong by up to two pixels does not count, what is wrong by more does."""
    near, far = TRUTH.copy(), TRUTH.copy()
    near[8:10, 10:40] = True
    far[5:10, 10:40] = True
    assert dice_beyond_band(near, TRUTH) == 1
    kept = 2 * (50 - 4) * (30 - 4)
    wrong = 3 * 30  # rows 5 to 7, above the band
    assert dice_beyond_band(far, TRUTH) == pytest.approx(2 * kept / (2 * kept + wrong))


def test_the_band_of_any_shape_is_that_of_all_distances() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:24, :24]
    truth = ((rows - 12) / 8) ** 2 + ((columns - 11) / 6) ** 2 <= 1
    mask = truth ^ (rng.random(truth.shape) < 0.2)
    every = np.argwhere(np.ones_like(truth))
    inside, outside = np.argwhere(truth), np.argwhere(~truth)
    gap = np.where(truth.ravel(), distances_to(every, outside), distances_to(every, inside)).reshape(truth.shape)
    own, drawn = mask[gap > 2], truth[gap > 2]
    expected = 2 * (own & drawn).sum() / (own.sum() + drawn.sum())
    assert 0.5 < expected < 0.95
    assert dice_beyond_band(mask, truth) == pytest.approx(expected)


def test_zones_lie_where_anatomy_has_them() -> None:
    zones = find_zones(TRUTH)
    assert zones is not None
    names = np.array(["", *ZONES])[zones]
    apex, base = names[10:20], names[50:60]
    assert set(apex[TRUTH[10:20]]) == {"APEX"}
    assert set(base[TRUTH[50:60]]) == {"BASE"}
    assert set(names[20:50, 26:40].ravel()) == {"MEDIASTINAL"}
    assert set(names[20:35, 60:74].ravel()) == {"MEDIASTINAL"}
    assert set(names[36:50, 60:74].ravel()) == {"RETROCARDIAC"}
    assert set(names[20:50, 10:24].ravel()) | set(names[20:50, 76:90].ravel()) == {"LATERAL"}
    assert set(names[~TRUTH]) == {""}


@pytest.mark.parametrize("spacing", [None, (0.5, 0.8)])
def test_distances_of_a_zone_are_those_of_all_pairs_of_points(spacing: tuple[float, float] | None) -> None:
    """A mask whose base is too low and whose side is too wide."""
    mask = two_lungs((slice(10, 66), slice(7, 40)), (slice(12, 60), slice(60, 90)), (70, 100)).astype(bool)
    drawn, found = contour_points(TRUTH), contour_points(mask)
    zones = find_zones(TRUTH)
    scale = np.array(spacing or (1, 1))
    gaps = np.linalg.norm((found[:, None] - drawn[None]) * scale, axis=-1)
    nearest = drawn[gaps.argmin(axis=1)]
    measured = zone_distances(mask, TRUTH, spacing)
    for number, zone in enumerate(ZONES, 1):
        own = [gaps.min(axis=0)[zones[tuple(drawn.T)] == number], gaps.min(axis=1)[zones[tuple(nearest.T)] == number]]
        assert measured[zone] == pytest.approx(np.concatenate(own).mean(), abs=0.05), zone
    assert measured["RETROCARDIAC"] == 0
    assert measured["BASE"] > measured["MEDIASTINAL"]


def test_masks_that_lack_lungs() -> None:
    empty = np.zeros_like(TRUTH)
    assert zone_distances(empty, TRUTH) == pytest.approx(dict.fromkeys(ZONES, math.hypot(70, 100)))
    assert all(map(math.isnan, zone_distances(TRUTH, empty).values()))
    assert all(map(math.isnan, zone_distances(TRUTH, two_lungs(RIGHT, RIGHT, (70, 100)).astype(bool)).values()))
    assert [dice_beyond_band(empty, one) for one in (empty, TRUTH)] == [1, 0]


def test_the_metrics_of_a_batch_are_those_of_its_images() -> None:
    masks = np.stack([TRUTH, np.roll(TRUTH, 4, axis=0)])[:, None]
    found = image_metrics(masks.astype(np.float32), np.stack([TRUTH] * 2)[:, None], ZONE_METRICS, [(2.0, 2.0)] * 2)
    assert [values[0].item() for values in found.values()] == [1, 0, 0, 0, 0, 0]
    expected = zone_distances(np.roll(TRUTH, 4, axis=0), TRUTH, (2.0, 2.0))
    assert {name: values[1].item() for name, values in found.items()} == pytest.approx(
        {f"ASD_{zone}": value for zone, value in expected.items()}
        | {"DICE_BEYOND_2PX": dice_beyond_band(np.roll(TRUTH, 4, axis=0), TRUTH)}
    )
    assert expected["APEX"] > 2
