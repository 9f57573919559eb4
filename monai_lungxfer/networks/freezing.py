"""Keeping some layers of a network as its parent had them, while the others go on learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_lungxfer.utils.errors import TransferError


def frozen_layers(network: nn.Module, patterns: Sequence[str] = (), trainable: Sequence[str] = ()) -> nn.Module:
    """Freeze layers: their weights do not learn, and their batch norms keep and use the parent's statistics.

    Batch norms that learn adapt their statistics too. What is frozen already, such as the base of a translator, stays
    so.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    patterns : sequence of str
        Names of weights, or patterns such as ``"encoder*"``; none freezes nothing. Weights of a batch norm are also
        found by ``norm`` before their own name, as in ``"*norm*"``, whatever the network calls them.
    trainable : sequence of str
        The complement: names or patterns of the weights that alone go on learning.

    Returns
    -------
    torch.nn.Module
        The same network.

    Raises
    ------
    TransferError
        When a pattern fits no weights, no weights would be left to learn, or both kinds of patterns are given.

    Examples
    --------
    >>> from monai_lungxfer.networks.donor_unet import DonorUNet
    >>> network = frozen_layers(DonorUNet(init_features=4), ["encoder*", "bottleneck*"])
    >>> sorted({name.split(".")[0] for name, weight in network.named_parameters() if not weight.requires_grad})
    ['bottleneck', 'encoder1', 'encoder2', 'encoder3', 'encoder4']
    >>> network = frozen_layers(DonorUNet(init_features=4), trainable=["conv.*"])
    >>> [name for name, weight in network.named_parameters() if weight.requires_grad]
    ['conv.weight', 'conv.bias']
    """
    if patterns and trainable:
        raise TransferError("frozen and trainable are both given", remedy="Leave one of them out; each says it all")
    setting, chosen = ("trainable", trainable) if trainable else ("frozen", patterns)
    if not chosen:
        return network
    names = dict(_names(network))
    for pattern in chosen:
        if not any(_fits(name, [pattern]) for name in names.values()):
            parts = ", ".join(name for name, _ in network.named_children())
            raise TransferError(
                f"{setting}: {pattern!r} fits no weights of the network",
                remedy=f"Its parts are {parts}; write a pattern such as encoder*",
            )
    for weight, aliases in names.items():
        if _fits(aliases, chosen) != bool(trainable):
            weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise TransferError(f"{setting}: no weights are left to learn", remedy="Freeze fewer layers")
    _keep_statistics(network)
    return network


def _names(network: nn.Module) -> Iterator[tuple[nn.Parameter, tuple[str, ...]]]:
    """Yield each weight with the names that it is found by."""
    for path, module in network.named_modules():
        for name, weight in module.named_parameters(path, recurse=False):
            found = (name, f"{path}.norm.{name.rpartition('.')[2]}") if isinstance(module, _BatchNorm) else (name,)
            yield weight, found


def _fits(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _keep_statistics(network: nn.Module) -> None:
    """Keep the statistics of batch norms whose weights are all frozen."""
    for module in network.modules():
        weights = list(module.parameters())
        if isinstance(module, _BatchNorm) and weights and not any(weight.requires_grad for weight in weights):
            # Trainers call network.train() before every step, so the mode is set where it takes effect.
            module.register_forward_pre_hook(_evaluate)
            module.track_running_stats = False  # so that nobody resets them, as PyTorch's update_bn does


def _evaluate(module: nn.Module, inputs: Any) -> None:  # noqa: ARG001 - the signature of a hook
    module.eval()
