"""Calibration over all pixels and in a band around the drawn border."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_lungxfer.metrics.calibration import BORDER_SHARE, Calibration, calibration_error, find_border_band


def test_the_band_reaches_as_far_on_both_sides_of_the_border() -> None:
    truth = np.zeros((300, 400), bool)
    truth[:, 200:] = True
    reach = int(BORDER_SHARE * 500)
    assert find_border_band(truth).any(axis=0).nonzero()[0].tolist() == list(range(200 - reach, 200 + reach))


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_without_a_border_has_no_band(value: bool) -> None:
    assert not find_border_band(np.full((30, 40), value)).any()


def test_errors_at_the_border_are_not_hidden_by_the_background() -> None:
    truth = torch.zeros(1, 300, 400)
    truth[..., 200:] = 1
    probability = truth.clone()
    probability[..., 190:210] = 0.75  # half of it is lung
    calibration = Calibration()
    calibration.add(probability, truth)
    report = calibration.describe()
    assert report["calibration_border"][7] == {"pixels": 20 * 300, "probability": 0.75, "lung": 0.5}
    assert sum(one["pixels"] for one in report["calibration_border"]) == 20 * 300
    assert sum(one["pixels"] for one in report["calibration"]) == 300 * 400
    assert report["calibration_error"] == pytest.approx({"all": 0.25 * 20 / 400, "border": 0.25}, abs=1e-7)


def test_images_are_summed_up_by_their_pixels() -> None:
    calibration = Calibration()
    for lung, side in ((1.0, 30), (0.0, 60)):
        calibration.add(torch.full((1, side, side), 0.5), torch.full((1, side, side), lung))
    report = calibration.describe()
    assert report["calibration_error"] == {"all": pytest.approx(0.5 - 900 / 4500), "border": None}


def test_the_error_weighs_ranges_by_their_pixels() -> None:
    bins = [
        {"pixels": 30, "probability": 0.1, "lung": 0.2},
        {"pixels": 0, "probability": None, "lung": None},
        {"pixels": 10, "probability": 0.9, "lung": 0.6},
    ]
    assert math.isclose(calibration_error(bins), (30 * 0.1 + 10 * 0.3) / 40)
    assert calibration_error([]) is None
