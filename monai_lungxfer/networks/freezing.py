"""Keeping some layers of a network as its parent had them, while the others go on learning."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_lungxfer.utils.errors import TransferError


def frozen_layers(network: nn.Module, patterns: Sequence[str] = ()) -> nn.Module:
    """Freeze layers: their weights do not learn, and their batch norms keep and use the parent's statistics.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    patterns : sequence of str
        Names of weights, or patterns such as ``"encoder*"``; none freezes nothing.

    Returns
    -------
    torch.nn.Module
        The same network.

    Raises
    ------
    TransferError
        When a pattern fits no weights, or no weights would be left to learn.

    Examples
    --------
    >>> from monai_lungxfer.networks.donor_unet import DonorUNet
    >>> network = frozen_layers(DonorUNet(init_features=4), ["encoder*", "bottleneck*"])
    >>> sorted({name.split(".")[0] for name, weight in network.named_parameters() if not weight.requires_grad})
    ['bottleneck', 'encoder1', 'encoder2', 'encoder3', 'encoder4']
    """
    if not patterns:
        return network
    names = [name for name, _ in network.named_parameters()]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            parts = ", ".join(name for name, _ in network.named_children())
            raise TransferError(
                f"frozen: {pattern!r} fits no weights of the network",
                remedy=f"Its parts are {parts}; write a pattern such as encoder*",
            )
    for name, weight in network.named_parameters():
        weight.requires_grad_(not any(fnmatchcase(name, pattern) for pattern in patterns))
    if not any(weight.requires_grad for weight in network.parameters()):
        raise TransferError("frozen: no weights are left to learn", remedy="Freeze fewer layers")
    for module in network.modules():
        weights = list(module.parameters())
        if isinstance(module, _BatchNorm) and weights and not any(weight.requires_grad for weight in weights):
            # Trainers call network.train() before every step, so the mode is set where it takes effect.
            module.register_forward_pre_hook(_evaluate)
            module.track_running_stats = False  # so that nobody resets them, as PyTorch's update_bn does
    return network


def _evaluate(module: nn.Module, inputs: Any) -> None:  # noqa: ARG001 - the signature of a hook
    module.eval()
