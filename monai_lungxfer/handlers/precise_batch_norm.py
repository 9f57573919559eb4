"""Statistics of batch normalisation as they are at prediction, for networks trained on strongly altered images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import update_bn

from monai_lungxfer.utils.precision import autocast_dtype


class PreciseBatchNorm:
    """Before each evaluation, estimate batch normalisation's mean and variance from unaltered images.

    The running averages of training describe images with drawn opacities, noise and tubes, and the weights of many
    steps ago. These are averages over the given batches with the weights of now ("precise batch norm": Wu and
    Johnson 2021, Rethinking "Batch" in BatchNorm, https://arxiv.org/abs/2105.07576, section 3).

    Parameters
    ----------
    network : torch.nn.Module
        Its statistics are replaced, but for those of frozen layers (see `frozen_layers`).
    loader : iterable of mappings
        Batches with `image`, (N, C, H, W), prepared as for prediction, always in the same order.
    device : torch.device
        Where the network is.
    precision : str
        See `monai_lungxfer.utils.precision.autocast_dtype`.
    prepare : callable
        What is done to images before the network, such as `SizedInferer.fill_padding`.
    """

    def __init__(
        self,
        network: nn.Module,
        loader: Iterable[Mapping[str, Any]],
        device: torch.device,
        precision: str = "auto",
        prepare: Callable[[torch.Tensor], torch.Tensor] = lambda images: images,
    ) -> None:
        self.network = network
        self.loader = loader
        self.device = device
        self.precision = precision
        self.prepare = prepare

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self) -> None:
        """Replace the statistics."""
        dtype = autocast_dtype(self.device, self.precision)
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            update_bn((self.prepare(batch["image"]) for batch in self.loader), self.network, self.device)


def evenly_spaced(items: Sequence[Any], count: int) -> list[Any]:
    """Take so many items at even distances, in their order, or all when there are no more.

    The first ones of a split's section, which is sorted by patient, may be of one source alone.

    Examples
    --------
    >>> evenly_spaced("abcdefg", 3)
    ['a', 'c', 'e']
    """
    return [items[number * len(items) // count] for number in range(count)] if len(items) > count else list(items)
