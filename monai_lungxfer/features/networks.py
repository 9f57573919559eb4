"""The networks that are compared: named as for other commands, or of random weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.networks.description import build_network, describe_weights, is_own_network
from monai_lungxfer.networks.sizing import SQUARE, network_stride
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.adapters import adapt_network
from monai_lungxfer.weights.architecture import follow_network
from monai_lungxfer.weights.loading import load_weights, read_state_dict
from monai_lungxfer.weights.sidecar import PAPER_SIZE, read_sidecar

RANDOM = "random"
"""The name of a network that has learnt nothing: of the first named one's class, with weights drawn by a seed."""

_SEED_DIGITS = 15  # of a hash, which PyTorch takes as a seed
_LABEL = re.compile(r"[\w.+-]{1,40}")


@dataclass(frozen=True)
class ComparedNetwork:
    """One network, and how images are brought to it.

    Attributes
    ----------
    label : str
        What tables and figures call it.
    sha256 : str
        Of its weights file; of a random one, of its description and seed.
    description : dict
        Class and parameters, of an adapter's base where it is one.
    weights : pathlib.Path or None
        Its file; None for random weights.
    seed : int
        That random weights are drawn by, with the description of the network.
    image_size, sizing, channels
        See `monai_lungxfer.weights.sidecar.Sidecar`.
    """

    label: str
    sha256: str
    description: dict[str, Any]
    weights: Path | None = None
    seed: int = 0
    image_size: tuple[int, int] = (PAPER_SIZE[0], PAPER_SIZE[1])
    sizing: str = SQUARE
    channels: str | None = None

    @property
    def in_channels(self) -> int:
        """Channels of the image."""
        return int(self.description.get("in_channels", 3))

    @cached_property
    def stride(self) -> int:
        """What height and width of the input are multiples of."""
        with torch.device("meta"):
            return network_stride(build_network(self.description)) or 1

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            # Weights that a training began with are no baseline for what it gave, and it may have drawn by this seed.
            torch.manual_seed(int(self.sha256[:_SEED_DIGITS], 16))
            network = build_network(self.description)
            if self.weights is None:
                return _with_statistics(network, self).eval()
        network = adapt_network(network, self.weights)
        load_weights(network, self.weights)
        return network.eval()


def parse_networks(references: Sequence[str], seed: int = 0, image_size: int | None = None) -> list[ComparedNetwork]:
    """Find the networks that are named; a random one is added at the end, as a baseline, where none is.

    Parameters
    ----------
    references : sequence of str
        Each a name of weights, see `monai_lungxfer.bundle.references.resolve_weights`, or ``random``; or ``LABEL=`` and
        one of both.
    seed : int
        For random weights.
    image_size : int, optional
        See `shrink_input`.

    Raises
    ------
    TransferError
        When there are no such weights, they are not of a network of this package, two have one label, or none is named.
    """
    pairs = [_split(reference) for reference in references]
    named = {
        label: shrink_input(_read_network(label, reference), image_size)
        for label, reference in pairs
        if reference != RANDOM
    }
    if not named:
        raise TransferError("no weights are named", remedy="Name some, such as --weights donor,general")
    model = next(iter(named.values()))
    if all(reference != RANDOM for _, reference in pairs):
        pairs.append((RANDOM, RANDOM))
    labels = [label for label, _ in pairs]
    if len(set(labels)) < len(labels):
        raise TransferError("two weights have the same label", remedy="Label them: --weights a=FILE,b=FILE")
    return [named[label] if label in named else _draw_network(label, model, seed) for label in labels]


def _split(reference: str) -> tuple[str, str]:
    label, equals, rest = reference.partition("=")
    if not equals:
        return redact_weights(reference).removeprefix("file ") if reference != RANDOM else RANDOM, reference
    if not _LABEL.fullmatch(label) or not rest:
        raise TransferError(f"{reference!r} is not LABEL=WEIGHTS", remedy="Use letters, digits, dots and dashes alone")
    return label, rest


def _read_network(label: str, reference: str) -> ComparedNetwork:
    path = resolve_weights(reference).absolute()  # workers of a cluster start in folders of their own
    sidecar = read_sidecar(path)
    described = follow_network(describe_weights(read_state_dict(path)) or {}, path)
    if not described or not is_own_network(described):
        raise TransferError("these weights are not of a network of this package", source=path)
    size = sidecar.image_size or PAPER_SIZE
    return ComparedNetwork(
        label, hash_file(path), described, path, 0, (size[0], size[1]), sidecar.sizing, sidecar.channels
    )


def shrink_input(network: ComparedNetwork, side: int | None) -> ComparedNetwork:
    """Return the network with a smaller input, whose longest side is `side` pixels at most; None keeps its own.

    The aspect is kept, but sides stay multiples of the stride. An input is never enlarged.

    Raises
    ------
    TransferError
        When the side is no multiple of the network's stride.
    """
    if side is None or side >= max(network.image_size):
        return network
    if side % network.stride:
        raise TransferError(
            f"{network.label} cannot take inputs of {side} pixels", remedy=f"Use a multiple of {network.stride}"
        )
    share = side / max(network.image_size)
    height, width = (max(1, round(own * share / network.stride)) * network.stride for own in network.image_size)
    return replace(network, image_size=(height, width))


def _draw_network(label: str, model: ComparedNetwork, seed: int) -> ComparedNetwork:
    told = json.dumps(["random baseline", model.description, seed], sort_keys=True).encode()
    return replace(model, label=label, sha256=hashlib.sha256(told).hexdigest(), weights=None, seed=seed)


def _with_statistics(network: nn.Module, source: ComparedNetwork) -> nn.Module:
    """Give batch norms of random weights the statistics of noise, without which features vanish layer by layer."""
    side = max(source.stride, min(source.image_size) // 2 // source.stride * source.stride)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    generator = torch.Generator().manual_seed(source.seed)
    for norm in norms:
        norm.momentum = None  # the mean over all that enters
    network.train()
    with torch.no_grad():
        network(torch.randn(4, source.in_channels, side, side, generator=generator))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    return network
