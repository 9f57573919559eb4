"""What is said where weights do not fit a network: which layers, and whose weights they are instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from monai_lungxfer.networks.description import describe_network, describe_weights, is_own_network
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.sidecar import read_sidecar

if TYPE_CHECKING:
    from monai_lungxfer.weights.loading import LayerTransfer


def refuse_unless_allowed(
    layers: Sequence[LayerTransfer],
    allow: Sequence[str],
    network: nn.Module,
    given: Mapping[str, torch.Tensor],
    path: Path,
) -> None:
    """Raise a TransferError for layers of `given` that are not allowed by name; it says why they do not fit."""
    refused = [layer for layer in layers if not any(fnmatchcase(layer.name, pattern) for pattern in allow)]
    if not refused:
        return
    if given and all(name.startswith("translator.") for name in given) and not isinstance(network, TranslatorUNet):
        raise TransferError(
            "holds the new layers of an adapter, and lacks the .json file that names its base",
            source=path,
            remedy="Copy that file, too, from where the adapter comes from; it has the adapter's name",
        )
    own, found = describe_network(network), describe_weights(given)
    refuse_other_network(network, read_sidecar(path).network or found, path)
    has_other_shapes = any(layer.status != "missing" for layer in refused)
    if found is not None and found["_target_"] == own["_target_"] and has_other_shapes:
        _refuse_other_size(own, found, path)
    named = "; ".join(f"{layer.name} {layer.status} ({layer.detail})" for layer in refused[:3])
    raise TransferError(
        f"{len(refused)} layers do not fit the network: {named}{'; …' if len(refused) > 3 else ''}",
        source=path,
        remedy="Use a checkpoint of this network, or, for a transfer, allow these layers by name",
    )


def _refuse_other_size(own: Mapping[str, Any], described: Mapping[str, Any], path: Path) -> None:
    """Say it in channels and width where these are why layers do not fit."""
    different = [name for name in own.keys() | described.keys() if own.get(name) != described.get(name)]
    if set(different) - {"out_channels"}:
        told = [
            ", ".join(f"{name} {one[name]}" if name in one else f"the usual {name}" for name in sorted(different))
            for one in (described, own)
        ]
        raise TransferError(
            f"holds weights of a network with {told[0]}, and network_def has {told[1]}",
            source=path,
            remedy="To train, leave out --width and --in-channels, or start from random weights (--parent none). "
            f"Else: {_name_network(described)}",
        )


def _name_network(described: Mapping[str, Any]) -> str:
    return (
        f'Name the network of the weights: --network_def "{dict(described)}" for monai.bundle, '
        f'--set "network_def={dict(described)}" for lungxfer'
    )


def refuse_other_network(network: nn.Module, described: Mapping[str, Any] | None, path: Path) -> None:
    """Raise a TransferError when weights are described as those of another class of network."""
    own = describe_network(network)["_target_"]
    if described is not None and described["_target_"] != own:
        if read_sidecar(path).base is not None:
            raise TransferError(
                "is an adapter, and the network has no place for it",
                source=path,
                remedy="Name it as an adapter (--adapter), with its base as weights",
            )
        write = _name_network(described)
        raise TransferError(
            f"holds weights of {described['_target_']}, and network_def names {own}",
            source=path,
            # What the file beside the weights names may be any function: nobody shall type it unread.
            remedy=write if is_own_network(described) else "Name their network in network_def if you trust its code",
        )
