"""The network that corrects borders."""

from __future__ import annotations

import torch

from monai_lungxfer.networks.border_refiner import STRIDE, BorderRefiner


def test_it_is_small_and_changes_nothing_before_it_has_learnt() -> None:
    network = BorderRefiner()
    assert 90_000 < sum(weight.numel() for weight in network.parameters()) < 130_000
    found = network(torch.randn(2, 2, 3 * STRIDE, 5 * STRIDE))
    assert found.shape == (2, 1, 3 * STRIDE, 5 * STRIDE)
    assert not found.any()


def test_every_layer_learns_after_a_step_of_the_last() -> None:
    torch.manual_seed(0)
    network = BorderRefiner(width=4)
    torch.nn.init.ones_(network.correction.weight)
    network(torch.randn(2, 2, 32, 32)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())
