"""Integrated gradients, where they can be written down."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.robustness.attribution import attribute_lung, integrate_gradients, measure_concentration
from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.measuring import measure_image
from monai_lungxfer.robustness.run import load_segmenter


def test_a_linear_response_gives_weight_times_pixel() -> None:
    weights, image = torch.rand(2, 2, 4, 5, generator=torch.manual_seed(0))
    found = integrate_gradients(lambda batch: (weights * batch[0]).sum(), image, steps=3)
    np.testing.assert_allclose(found, (weights * image).sum(dim=0).numpy(), rtol=1e-5)


def test_attributions_add_up_to_the_change_of_the_response() -> None:
    image = torch.linspace(-2, 2, 30).reshape(1, 5, 6)
    found = integrate_gradients(lambda batch: batch.sigmoid().mean(), image, steps=64)
    assert found.sum() == pytest.approx(float(image.sigmoid().mean()) - 0.5, abs=1e-4)


def test_concentration_is_share_over_area_in_the_upright_frame() -> None:
    attributions = np.ones((4, 8), np.float32)
    attributions[0] = -3  # the upper quarter has half of all
    stored = np.zeros((8, 16), bool)
    stored[-2:] = True  # upside down, and twice the grid
    radiograph = Radiograph(np.zeros((8, 16), np.float32), "array", turn=Turn(flip_rows=True))
    assert measure_concentration(attributions, stored, radiograph) == pytest.approx(0.5 / 0.25)
    assert measure_concentration(attributions, stored, replace(radiograph, turn=Turn())) == pytest.approx(4 / 6)
    assert math.isnan(measure_concentration(attributions, np.zeros_like(stored), radiograph))


def test_a_unit_has_it_on_request(marked_data: Path, small_weights: list[Path]) -> None:
    segmenter = load_segmenter(str(small_weights[0]), "cpu", engine="torch")
    record = load_datalist(marked_data)[1]
    (pair,) = measure_image(segmenter, record, "a", Design(("tubes",), (1.0,), 1, attribution=True))["pairs"]
    assert pair["with"]["ATTRIBUTION"] > 0
    assert pair["with"]["ATTRIBUTION"] != pair["without"]["ATTRIBUTION"]
    assert attribute_lung(segmenter, read_radiograph(record["image"])).shape == (32, 32)
    (pair,) = measure_image(segmenter, record, "a", Design(("tubes",), (1.0,), 1))["pairs"]
    assert pair["with"]["ATTRIBUTION"] is None
