"""The consistency loss, by its formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from monai.engines import SupervisedTrainer
from torch import nn

from monai_lungxfer.handlers.object_consistency import ObjectConsistency
from monai_lungxfer.networks.inferer import SizedInferer
from monai_lungxfer.utils.errors import LungXferError


class _Scale(nn.Module):
    """Multiplies images by a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.weight * images[:, :1]


def train(strength: float, batch: dict[str, torch.Tensor], **options: Any) -> tuple[float, float]:
    """Take one step on a loss of 0, and return the loss and the weight."""
    network = _Scale()
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=[batch | {"label": torch.zeros_like(batch["image"])}],
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=1.0),
        loss_function=lambda prediction, _: 0 * prediction.nansum(),
        inferer=SizedInferer("float32", **options),
        decollate=False,
    )
    ObjectConsistency(strength).attach(trainer)
    trainer.run()
    return trainer.state.output["loss"].item(), network.weight.item()


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_loss_and_gradient_where_the_clean_image_is_the_target() -> None:
    batch = {"image": torch.full((2, 1, 4, 4), 2.0), "clean": torch.full((2, 1, 4, 4), 1.0)}
    loss, weight = train(3.0, batch)
    p, target = sigmoid(2.0), sigmoid(1.0)
    assert loss == pytest.approx(3 * (p - target) ** 2)
    assert weight == pytest.approx(1 - 3 * 2 * (p - target) * p * (1 - p) * 2.0, rel=1e-5)


def test_equal_images_add_nothing_and_0_needs_no_clean_images() -> None:
    batch = {"image": torch.full((1, 1, 4, 4), 2.0)}
    assert train(5.0, batch | {"clean": batch["image"].clone()}) == (0.0, 1.0)
    assert train(0.0, batch) == (0.0, 1.0)


def test_channels_size_and_padding_follow_the_images() -> None:
    images = torch.full((1, 3, 8, 8), 2.0)
    images[..., 6:] = torch.nan
    loss, _ = train(1.0, {"image": images, "clean": torch.full((1, 1, 4, 4), 1.0)}, sizing="pad", stride=4)
    assert loss == pytest.approx((sigmoid(2.0) - sigmoid(1.0)) ** 2)


def test_missing_clean_images_are_explained() -> None:
    with pytest.raises(LungXferError, match="Set objects_prob above 0"):
        train(1.0, {"image": torch.ones(1, 1, 4, 4)})
