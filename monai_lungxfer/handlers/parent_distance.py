"""A pull towards the parent's weights while a network learns (L2-SP)."""

from __future__ import annotations

from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import nn


class ParentDistance:
    r"""Ignite handler that penalises how far weights have moved from where they started (L2-SP).

    The loss gets :math:`\frac{\alpha}{2} \lVert w - w_0 \rVert^2`, so the gradient :math:`\alpha (w - w_0)`, which is
    added before each step of the optimizer. The sum is over all weights that learn: kernels, biases, and scale and
    shift of batch norms. Where a parent had no such weights, :math:`w_0` is what they were initialised with; the paper
    pulls those towards zero. Statistics of batch norms are not weights.

    Parameters
    ----------
    network : torch.nn.Module
        With the parent's weights when `attach` is called.
    strength : float
        :math:`\alpha`; 0 does nothing.

    References
    ----------
    Li, Grandvalet, Davoine, "Explicit inductive bias for transfer learning with convolutional networks", ICML 2018,
    equation 2.
    """

    def __init__(self, network: nn.Module, strength: float) -> None:
        self.network = network
        self.strength = strength
        self._pairs: list[tuple[nn.Parameter, torch.Tensor]] = []

    def attach(self, engine: SupervisedTrainer) -> None:
        """Take the weights of now as the parent's, and attach to the trainer."""
        if self.strength:
            self._pairs = [
                (weight, weight.detach().clone()) for weight in self.network.parameters() if weight.requires_grad
            ]
            engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: SupervisedTrainer) -> None:
        """Add the penalty's gradient."""
        factor = self.strength * gradient_scale(engine)
        for weight, start in self._pairs:
            if weight.grad is not None:
                weight.grad.add_(weight - start, alpha=factor)


def gradient_scale(engine: Any) -> float:
    """Return what a trainer's gradients are multiplied by after the backward pass: only float16 has such a scale."""
    scaler = getattr(engine, "scaler", None)
    return 1.0 if scaler is None or not getattr(engine, "amp", False) else float(scaler.get_scale())
