"""Correcting probabilities along their border, with networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from monai_lungxfer.inference import border_refinement
from monai_lungxfer.inference.border_refinement import (
    BAND,
    OVERLAP,
    TILE,
    border_weight,
    make_picture,
    refine_probability,
)
from monai_lungxfer.networks.border_refiner import BorderRefiner


class Follow(nn.Module):
    """Says lung where the picture is positive: what a refiner could say at best."""

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return 20 * patches[:, :1].sign()


class Count(Follow):
    """Counts its patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = 0

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        self.patches += len(patches)
        return super().forward(patches)


def oval(height: int, width: int, grow: float = 1.0) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return ((rows / (0.5 * grow)) ** 2 + ((columns - 0.2) / (0.4 * grow)) ** 2 <= 1).float()


@pytest.mark.parametrize("size", [(300, 220), (TILE, TILE), (40, 500), (TILE + 1, 2 * TILE - OVERLAP)])
def test_the_border_follows_the_picture_across_tiles(size: tuple[int, int]) -> None:
    truth = oval(*size)
    probability = oval(*size, grow=1.03) * 0.98 + 0.01
    refined = refine_probability(probability, truth * 2 - 1, Follow())
    assert not torch.equal(probability >= 0.5, truth == 1)
    assert torch.equal(refined >= 0.5, truth == 1)


def test_far_from_the_border_nothing_changes_and_nothing_is_looked_at() -> None:
    size = (TILE * 6, TILE * 6)
    probability = oval(*size, grow=0.4) * 0.98 + 0.01
    network = Count()
    refined = refine_probability(probability, -torch.ones(size), network)
    far = torch.from_numpy(border_weight(probability.numpy())) == 0
    assert torch.equal(refined[far], probability[far])
    assert (refined != probability).any()
    assert network.patches < 30  # of 64


def test_tiles_are_blended_so_that_no_seam_is_seen(monkeypatch) -> None:
    torch.manual_seed(0)
    network = BorderRefiner(width=4).eval()
    nn.init.constant_(network.correction.weight, 50)
    picture, probability = torch.rand(260, 260), oval(260, 260) * 0.6 + 0.2
    tiled = refine_probability(probability, picture, network)
    monkeypatch.setattr(border_refinement, "TILE", 272)
    whole = refine_probability(probability, picture, network)
    change = (whole - probability).abs().max()
    assert change > 0.02
    assert (tiled - whole).abs().max() < change / 2
    jumps = (tiled - whole)[:, 1:] - (tiled - whole)[:, :-1]
    assert jumps.abs().max() < change / 2


def test_a_network_that_has_learnt_nothing_changes_nothing() -> None:
    probability = torch.rand(150, 130)
    assert torch.equal(refine_probability(probability, torch.randn(150, 130), BorderRefiner().eval()), probability)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_a_border_there_is_nothing_to_refine(value: float) -> None:
    probability = torch.full((200, 200), value)
    assert torch.equal(refine_probability(probability, torch.randn(200, 200), Follow()), probability)


def test_a_large_radiograph_is_looked_at_smaller_and_its_mask_refined_at_its_own_size() -> None:
    truth = oval(1500, 1000)
    probability = oval(1500, 1000, grow=1.03) * 0.98 + 0.01
    picture = make_picture(truth, 300)
    assert picture.shape == (300, 200)
    refined = refine_probability(probability, picture, Follow())
    before, after = ((one >= 0.5).ne(truth == 1).sum().item() for one in (probability, refined))
    assert after < before / 3


def test_a_picture_has_mean_0_and_deviation_1_whatever_its_scale_and_channels() -> None:
    pixels = torch.rand(3, 90, 70)
    picture = make_picture(pixels * 4000 + 100, 512)
    assert picture.shape == (90, 70)
    assert picture.mean().item() == pytest.approx(0, abs=1e-5)
    assert picture.std().item() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(picture, make_picture(pixels.mean(dim=0), 90))
    assert not make_picture(torch.ones(40, 40), 512).any()


def test_the_say_ends_in_the_band() -> None:
    probability = np.zeros((100, 200), dtype=np.float32)
    probability[:, 100:] = 1
    row = border_weight(probability)[50]
    band = round(BAND * 200)
    assert row[99] == row[100] == 1
    assert not row[: 100 - band].any()
    assert not row[100 + band :].any()
    assert row[100 - band + 2] > 0
