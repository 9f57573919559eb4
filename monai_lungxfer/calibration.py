"""Statistics of batch normalisation as they are at prediction, for networks trained on strongly altered images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.inferers import Inferer
from torch import nn

__all__ = ["PreciseBatchNorm"]


class PreciseBatchNorm:
    """Before each evaluation, estimate batch normalisation's mean and variance from unaltered images.

    The running averages of training describe images with drawn opacities, noise and tubes, and the weights of many
    steps ago. These are averages over the given batches with the weights of now ("precise batch norm": Wu and
    Johnson 2021, Rethinking "Batch" in BatchNorm, https://arxiv.org/abs/2105.07576, section 3).

    Parameters
    ----------
    network : torch.nn.Module
        Its statistics are replaced.
    loader : iterable of mappings
        Batches with `image`, (N, C, H, W), prepared as for prediction, always in the same order.
    inferer : monai.inferers.Inferer
        Of the training, for its precision.
    device : torch.device
        Where the network is.
    """

    def __init__(
        self, network: nn.Module, loader: Iterable[Mapping[str, Any]], inferer: Inferer, device: torch.device
    ) -> None:
        self.network = network
        self.loader = loader
        self.inferer = inferer
        self.device = device

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator."""
        engine.add_event_handler(Events.STARTED, self)

    @torch.no_grad()
    def __call__(self) -> None:
        """Replace the statistics."""
        layers = [layer for layer in self.network.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # a plain average over the batches
        self.network.train()
        for batch in self.loader:
            self.inferer(batch["image"].to(self.device), self.network)
        self.network.eval()
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
