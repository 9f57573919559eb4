"""Which layers of a network are looked at, hooks that show or change what leaves them, and passes that begin at one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from monai_lungxfer.networks.efficient_unet import InvertedResidual
from monai_lungxfer.utils.errors import TransferError

_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.ELU)
_WHOLE = (InvertedResidual,)  # whose inner activations are many times wider than what it passes on
_DONOR = re.compile(r"\w+\.(enc\d|dec\d|bottleneck)relu(\d)")

Look = Callable[[str, torch.Tensor], torch.Tensor | None]
"""Gets a layer's name and its features (N, C, h, w); what it returns takes their place."""


def list_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return the layers whose features are compared, by their names, from the image to the mask.

    These are the activations, each behind its convolution and batch norm, and inverted residual blocks as a whole.

    Raises
    ------
    TransferError
        When a network has no such layer.

    Examples
    --------
    >>> from monai_lungxfer.networks.donor_unet import DonorUNet
    >>> list(list_layers(DonorUNet(init_features=2)))[:3]
    ['enc1.1', 'enc1.2', 'enc2.1']
    """
    found: dict[str, nn.Module] = {}
    whole: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(f"{block}.") for block in whole):
            continue
        if isinstance(module, _WHOLE):
            whole.append(name)
        if isinstance(module, (*_WHOLE, *_ACTIVATIONS)):
            found[shorten_layer(name)] = module
    if not found:
        raise TransferError(
            f"{type(network).__name__} has no activations to look at", remedy="Use weights of a network of this package"
        )
    return found


def shorten_layer(name: str) -> str:
    """Return what a layer is called in tables: of the donor's U-Net short, of other networks its own name.

    Examples
    --------
    >>> shorten_layer("encoder1.enc1relu2"), shorten_layer("encoder.stem.3")
    ('enc1.2', 'encoder.stem.3')
    """
    return _DONOR.sub(r"\1.\2", name)


@contextmanager
def watch_layers(layers: Mapping[str, nn.Module], look: Look) -> Iterator[None]:
    """Call `look` whenever features leave one of the layers, as long as the block takes."""

    def hook(name: str) -> Callable[..., torch.Tensor | None]:
        return lambda module, entered, left: look(name, left)  # noqa: ARG005 - PyTorch's signature

    handles = [module.register_forward_hook(hook(name)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class KeptPass:
    """What every module of a network gave for one input, so that further passes for it can begin at any layer.

    Modules that run several times in a pass, such as a shared pooling, are computed anew.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; a pass runs its modules in the same order each time.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._left: dict[nn.Module, Any] = {}  # in the order in which they ended

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Keep what the modules give, for one pass within the block."""
        ran: Counter[nn.Module] = Counter()

        def hook(module: nn.Module, entered: Any, left: Any) -> None:  # noqa: ARG001 - PyTorch's signature
            ran[module] += 1
            self._left[module] = left

        self._left.clear()
        handles = [module.register_forward_hook(hook) for module in self._network.modules()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        self._left = {module: left for module, left in self._left.items() if ran[module] == 1}

    @contextmanager
    def begin_at(self, layer: nn.Module) -> Iterator[None]:
        """Let passes within the block take what leaves this layer, and all before it, from the pass that was kept."""
        ended = list(self._left)
        before = ended[: ended.index(layer) + 1] if layer in self._left else []
        for module in before:
            module.forward = lambda *_, left=self._left[module]: left  # type: ignore[assignment]
        try:
            yield
        finally:
            for module in before:
                del module.forward
