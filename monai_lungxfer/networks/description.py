"""What a network is, as a configuration names it: its class and its parameters, told from a module or its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet

# The first and the last convolution, whose shapes contain the parameters.
_ENDS: dict[type[nn.Module], tuple[str, str]] = {
    DonorUNet: ("encoder1.enc1conv1.weight", "conv.weight"),
    EfficientUNet: ("encoder.stem.1.weight", "decoder.conv.weight"),
}


def describe_network(network: nn.Module) -> dict[str, Any]:
    """Return the class of a network, and the parameters of one of this package, as ``network_def`` has them.

    Examples
    --------
    >>> describe_network(DonorUNet(init_features=4))["init_features"]
    4
    """
    own = describe_weights(network.state_dict()) if type(network) in _ENDS else None
    return own or {"_target_": _name(type(network))}


def describe_weights(weights: Mapping[str, torch.Tensor]) -> dict[str, Any] | None:
    """Return class and parameters of the network of this package that weights belong to; None for other weights.

    Parameters
    ----------
    weights : mapping of str to torch.Tensor
        A state dict. The encoder alone is enough; one output channel is assumed then.
    """
    for kind, (first, last) in _ENDS.items():
        if first in weights and weights[first].dim() > 1:
            features, channels = weights[first].shape[:2]
            leaving = weights[last].shape[0] if last in weights and weights[last].dim() else 1
            described = {"_target_": _name(kind), "in_channels": channels, "out_channels": leaving}
            return described | ({"init_features": features} if kind is DonorUNet else {})
    return None


def is_own_network(description: Mapping[str, Any]) -> bool:
    """Tell whether a description is of a network of this package, so that it is safe to build."""
    return description["_target_"] in map(_name, _ENDS)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
