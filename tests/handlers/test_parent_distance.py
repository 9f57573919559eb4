"""The penalty on the distance to the parent's weights, by its formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.engines import SupervisedTrainer
from torch import nn

from monai_lungxfer.handlers.parent_distance import ParentDistance, gradient_scale


def train(handler: Any, network: nn.Module, steps: int = 1, rate: float = 0.1) -> SupervisedTrainer:
    """Train by plain gradient descent on a loss whose gradient is 1 for the weight."""
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=[{"image": torch.ones(1, 1), "label": torch.zeros(1, 1)}] * steps,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=rate),
        loss_function=lambda prediction, _: prediction.sum(),
    )
    handler.attach(trainer)
    trainer.run()
    return trainer


def line(weight: float = 2.0) -> nn.Linear:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, weight)
    return network


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_weights_are_pulled_to_where_they_started(strength: float) -> None:
    network, expected = line(), 2.0
    train(ParentDistance(network, strength), network, steps=3)
    for _ in range(3):
        expected -= 0.1 * (1 + strength * (expected - 2.0))
    assert network.weight.item() == pytest.approx(expected)


def test_frozen_weights_are_let_alone_and_the_start_is_that_of_attach() -> None:
    network = nn.Sequential(line(), line())
    network[0].requires_grad_(False)
    handler = ParentDistance(network, 1.0)
    nn.init.constant_(network[1].weight, 5.0)  # the parent's weights come after the handler was made
    train(handler, network)
    assert network[0].weight.item() == 2.0
    assert network[1].weight.item() == pytest.approx(5.0 - 0.1 * 2.0)


def test_the_scale_of_float16_is_heeded() -> None:
    network = line()
    trainer = train(ParentDistance(network, 0.0), network)
    assert gradient_scale(trainer) == 1.0
    trainer.amp, trainer.scaler = True, torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.scaler.scale(torch.ones(1))  # which sets the scale
    assert gradient_scale(trainer) == 8.0
    handler = ParentDistance(network, 0.5)
    handler.attach(trainer)
    nn.init.constant_(network.weight, 3.0 + network.weight.item())
    network.weight.grad = torch.zeros(1, 1)
    handler(trainer)
    assert network.weight.grad.item() == pytest.approx(0.5 * 3.0 * 8.0)
