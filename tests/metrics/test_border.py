"""Boundary IoU and surface Dice, compared with other ways to compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt

from monai_lungxfer.metrics.border import BAND, boundary_iou, surface_dice
from monai_lungxfer.metrics.per_image import image_metrics


@pytest.fixture
def pair() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two ovals, one of which is shifted, larger, and cut off by the edge of the image."""
    rows, columns = np.mgrid[:120, :160]
    truth = ((rows - 50) / 40) ** 2 + ((columns - 60) / 30) ** 2 <= 1
    mask = ((rows - 48) / 49) ** 2 + ((columns - 57) / 31) ** 2 <= 1
    return mask, truth


def contour(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask & ~binary_erosion(mask)


def test_boundary_iou_is_that_of_repeated_erosion(pair) -> None:
    times = round(BAND * math.hypot(120, 160))
    bands = [one & ~binary_erosion(one, np.ones((3, 3)), iterations=times) for one in pair]
    expected = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
    assert times == 4
    assert boundary_iou(*pair) == pytest.approx(expected)
    assert 0.1 < expected < 0.8


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 0.8)])
def test_surface_dice_is_that_of_distance_transforms(pair, spacing: tuple[float, float]) -> None:
    edges = [contour(one) for one in pair]
    distances = [distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    close = sum((distances[1 - side][edges[side]] <= 3).sum() for side in (0, 1))
    expected = close / sum(edge.sum() for edge in edges)
    assert surface_dice(*pair, 3, spacing) == pytest.approx(expected)
    assert 0.1 < expected < 0.99


def test_distances_are_those_of_distance_transforms(pair) -> None:
    edges = [contour(one) for one in pair]
    both = [distance_transform_edt(~edges[1 - side])[edges[side]] for side in (0, 1)]
    found = image_metrics(pair[0].astype(np.float32), pair[1].astype(np.uint8), ("HD95", "ASD"))
    assert found["ASD"].item() == pytest.approx(np.concatenate(both).mean())
    assert found["HD95"].item() == pytest.approx(max(np.percentile(one, 95) for one in both))


def test_what_is_empty_agrees_with_itself_alone(pair) -> None:
    empty = np.zeros_like(pair[0])
    assert (boundary_iou(empty, empty), surface_dice(empty, empty, 2)) == (1, 1)
    for one in ((empty, pair[1]), (pair[0], empty)):
        assert (boundary_iou(*one), surface_dice(*one, 2)) == (0, 0)


def test_tolerances_are_of_the_diagonal_and_in_mm() -> None:
    """A contour that lies 2 pixels away everywhere: 0.5 % of this diagonal are 1 pixel, 1 % are 2."""
    inner = np.zeros((120, 160), dtype=bool)
    inner[20:90, 30:110] = True
    outer = binary_dilation(inner, np.ones((3, 3)), iterations=2)
    names = ("NSD_D0.5", "NSD_D1", "NSD_2MM", "NSD_5MM")
    arguments = (outer.astype(np.float32), inner.astype(np.uint8), names)
    small = image_metrics(*arguments, spacing=(1.5, 1.5))
    assert small["NSD_D0.5"].item() == 0
    assert small["NSD_D1"].item() > 0.97  # all but the corners
    assert small["NSD_2MM"].item() == 0  # 3 mm away
    assert small["NSD_5MM"].item() == 1
    unknown = image_metrics(*arguments)
    assert unknown["NSD_D1"] == small["NSD_D1"]
    assert torch.isnan(unknown["NSD_2MM"]).all()
    assert torch.isnan(unknown["NSD_5MM"]).all()


def test_a_mask_is_measured_in_place_of_the_threshold(pair) -> None:
    mask, truth = (one.astype(np.uint8) for one in pair)
    probability = np.full(mask.shape, 0.9, dtype=np.float32)
    found = image_metrics(probability, truth, ("DICE", "DICE_HARD", "BIOU"), mask=mask)
    assert found["BIOU"].item() == pytest.approx(boundary_iou(*pair))
    assert found["DICE_HARD"].item() == pytest.approx(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
    assert found["DICE"].item() == pytest.approx(2 * 0.9 * truth.sum() / (0.9 * truth.size + truth.sum()))
