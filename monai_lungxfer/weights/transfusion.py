"""Weights that keep only a part of their parent, to tell reused features from mere scale."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import torch
from torch import nn

from monai_lungxfer.weights.loading import TransferReport, load_parent

logger = logging.getLogger(__name__)


def load_transfused(
    network: nn.Module,
    parent: str | Path | None,
    keep: Sequence[str] = (),
    *,
    shuffled: bool = False,
    seed: int = 0,
    allow: Sequence[str] = (),
) -> TransferReport | None:
    """Start a network from some layers of its parent; the others get random weights of the parent's scale.

    Raghu et al. ("Transfusion: understanding transfer learning for medical imaging", NeurIPS 2019) tell reused
    features from mere scale in this way.

    Parameters
    ----------
    network, parent, allow
        As for `monai_lungxfer.weights.loading.load_parent`.
    keep : sequence of str
        Names of state dict entries, or patterns such as ``"encoder1.*"``, that stay as the parent has them.
    shuffled : bool
        Take the parent's own values in random order, instead of draws from a normal distribution with the mean and
        the standard deviation of each tensor.
    seed : int
        Of the random weights.

    Returns
    -------
    TransferReport or None
        Of the parent, as if all of it had been kept.
    """
    report = load_parent(network, parent, allow=allow)
    if report is not None:
        replaced = randomise_weights(network, keep, shuffled=shuffled, seed=seed)
        logger.info("%d tensors got %s weights of the parent's scale", replaced, "shuffled" if shuffled else "random")
    return report


def randomise_weights(network: nn.Module, keep: Sequence[str] = (), *, shuffled: bool = False, seed: int = 0) -> int:
    """Replace the parameters of a network, and return how many tensors changed.

    Each tensor draws by itself, see `load_transfused`. Where a batch norm's weights are replaced, its statistics are
    reset: they describe features that are no longer there.
    """
    generator, replaced = torch.Generator().manual_seed(seed), 0
    for name, parameter in network.named_parameters():
        if any(fnmatch(name, pattern) for pattern in keep):
            continue
        value = parameter.detach().cpu().float()
        if shuffled:
            new = value.flatten()[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)
        else:
            new = value.mean() + value.std(correction=0) * torch.randn(value.shape, generator=generator)
        with torch.no_grad():
            parameter.copy_(new)
        replaced += 1
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not any(fnmatch(f"{name}.weight", pattern) for pattern in keep):
            module.reset_running_stats()
    return replaced
