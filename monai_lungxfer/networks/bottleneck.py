"""The features at the narrowest place of a network, averaged over the image: a short description of what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.utils.errors import TransferError


def find_bottleneck(network: nn.Module) -> nn.Module:
    """Return the module that the coarsest features of a network leave; of a translator, that of its base.

    Raises
    ------
    TransferError
        When the network is not one of this package.
    """
    if isinstance(network, TranslatorUNet):
        return find_bottleneck(network.base)
    if isinstance(network, DonorUNet):
        return network.bottleneck
    if isinstance(network, EfficientUNet):
        return network.encoder
    raise TransferError(
        f"{type(network).__name__} has no bottleneck that is known", remedy="Use weights of a network of this package"
    )


@contextmanager
def pooled_features(network: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Give a list that gets the pooled features, float32 (N, C), of each batch while the block runs.

    Examples
    --------
    >>> network = DonorUNet(init_features=2).eval()
    >>> with torch.no_grad(), pooled_features(network) as found:
    ...     _ = network(torch.zeros(1, 3, 32, 32))
    >>> found[0].shape
    torch.Size([1, 32])
    """
    found: list[torch.Tensor] = []

    def keep(_: nn.Module, entered: Any, left: Any) -> None:  # noqa: ARG001 - PyTorch's signature
        coarsest = left[-1] if isinstance(left, (list, tuple)) else left
        found.append(coarsest.float().mean((-2, -1)).cpu())

    handle = find_bottleneck(network).register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()
