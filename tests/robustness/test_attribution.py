"""Integrated gradients and Seg-Grad-CAM, where they can be written down."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.visualize import GradCAM
from torch import nn

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.robustness.attribution import (
    attribute_lung,
    integrate_gradients,
    measure_concentration,
    weigh_features,
)
from monai_lungxfer.robustness.design import METHODS, Design
from monai_lungxfer.robustness.measuring import measure_image
from monai_lungxfer.robustness.unit_runners import UnitModel


def test_a_linear_response_gives_weight_times_pixel() -> None:
    weights, image = torch.rand(2, 2, 4, 5, generator=torch.manual_seed(0))
    found = integrate_gradients(lambda batch: (weights * batch[0]).sum(), image, steps=3)
    np.testing.assert_allclose(found, (weights * image).sum(dim=0).numpy(), rtol=1e-5)


def test_attributions_add_up_to_the_change_of_the_response() -> None:
    image = torch.linspace(-2, 2, 30).reshape(1, 5, 6)
    found = integrate_gradients(lambda batch: batch.sigmoid().mean(), image, steps=64)
    assert found.sum() == pytest.approx(float(image.sigmoid().mean()) - 0.5, abs=1e-4)


def test_seg_grad_cam_by_hand() -> None:
    """Of two maps at half the size, one speaks for lung and one against it; lung is the upper left quarter."""
    network = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 2, 1, bias=False), nn.ConvTranspose2d(2, 1, 2, 2, bias=False))
    nn.init.ones_(network[1].weight)
    with torch.no_grad():
        network[2].weight[:] = torch.tensor([0.5, -0.25]).reshape(2, 1, 1, 1)
    image = torch.zeros(1, 4, 4)
    image[0, :2, :2], image[0, 2:, 2:] = 4.0, -4.0
    found = weigh_features(network, lambda batch: network(batch)[0, 0, :2, :2].sum(), image)
    # The four pixels of lung hang on one of four cells, so maps weigh 4 * 0.5 / 4 and 4 * -0.25 / 4.
    coarse = np.array([[(0.5 - 0.25) * 4, 0], [0, 0]])  # what is below 0 is left out
    to_pixels = np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])
    np.testing.assert_allclose(found, to_pixels @ coarse @ to_pixels.T, rtol=1e-6)


def test_seg_grad_cam_against_monai() -> None:
    torch.manual_seed(0)
    unet = DonorUNet(init_features=2).eval()
    image = torch.rand(3, 32, 32)
    found = weigh_features(unet, lambda batch: unet(batch).sum(), image)
    cam = GradCAM(unet, "bottleneck.bottleneckrelu2", postprocessing=lambda coarse: coarse)
    np.testing.assert_allclose(found, cam(image[None], class_idx=0)[0, 0].detach().numpy(), rtol=1e-5, atol=1e-8)
    assert found.any()


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
    segmenter = UnitModel(str(small_weights[0]), "cpu", engine="torch").load()
    record = load_datalist(marked_data)[1]
    (pair,) = measure_image(segmenter, record, "a", Design(("tubes",), (1.0,), 1, attribution=METHODS))["pairs"]
    for name in ("INTEGRATED_GRADIENTS", "SEG_GRAD_CAM"):
        assert pair["with"][name] > 0
        assert pair["with"][name] != pair["without"][name]
    for method in METHODS:
        assert attribute_lung(segmenter, read_radiograph(record["image"]), method).shape == (32, 32)
    (pair,) = measure_image(segmenter, record, "a", Design(("tubes",), (1.0,), 1, attribution=METHODS[1:]))["pairs"]
    assert pair["with"]["INTEGRATED_GRADIENTS"] is None
    assert pair["with"]["SEG_GRAD_CAM"] > 0
