"""What a network is, as a configuration names it: its class and its parameters, told from a module or its weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import LAST_BLOCKS, WIDTHS, EfficientUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet

# The first and the last convolution, whose shapes contain the parameters.
_ENDS: dict[type[nn.Module], tuple[str, str]] = {
    DonorUNet: ("encoder1.enc1conv1.weight", "conv.weight"),
    EfficientUNet: ("encoder.stem.1.weight", "decoder.conv.weight"),
}
_WIDTH = 16  # that of an `EfficientUNet` by default


def describe_network(network: nn.Module) -> dict[str, Any]:
    """Return the class of a network, and the parameters of one of this package, as ``network_def`` has them.

    Of a `TranslatorUNet`, the base is left out.

    Examples
    --------
    >>> describe_network(DonorUNet(init_features=4))["init_features"]
    4
    """
    if isinstance(network, TranslatorUNet):
        new = {"kind": network.kind, "depth": network.depth, "width": network.width}
        return {"_target_": _name(TranslatorUNet), **new}
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
            return described | ({"init_features": features} if kind is DonorUNet else _smaller(weights, leaving))
    return None


def _smaller(weights: Mapping[str, torch.Tensor], leaving: int) -> dict[str, int]:
    """Return those parameters of an `EfficientUNet` that are not the default ones."""
    described: dict[str, int] = {}
    blocks = len({name.split(".")[3] for name in weights if name.startswith("encoder.levels.4.")})
    if blocks < LAST_BLOCKS:
        described["last_blocks"] = blocks
    coarsest = weights.get("decoder.levels.0.0.weight")
    if coarsest is not None and coarsest.shape[0] != _WIDTH * WIDTHS[0]:
        described["width"] = coarsest.shape[0] // WIDTHS[0]
    if coarsest is not None and "decoder.image.0.weight" not in weights:
        described |= {"levels": len(WIDTHS) - 1, "out_channels": leaving // 4}
    return described


def build_network(description: Mapping[str, Any]) -> nn.Module:
    """Build a network of this package by its class and parameters, with random weights; see `is_own_network`."""
    kinds = {_name(kind): kind for kind in _ENDS}
    return kinds[description["_target_"]](**{name: value for name, value in description.items() if name != "_target_"})


def network_parameters(description: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the parameters that a network of this package has; see `is_own_network`."""
    kinds = {_name(kind): kind for kind in _ENDS}
    return tuple(inspect.signature(kinds[description["_target_"]]).parameters)


def is_own_network(description: Mapping[str, Any]) -> bool:
    """Tell whether a description is of a network of this package, so that it is safe to build."""
    return description["_target_"] in map(_name, (*_ENDS, TranslatorUNet))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
