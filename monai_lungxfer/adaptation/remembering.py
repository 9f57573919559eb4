"""Features of a frozen base, computed once for each image and then remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from ignite.engine import Engine

from monai_lungxfer.networks.translator_unet import TranslatorUNet

Decode = Callable[[torch.Tensor], list[torch.Tensor]]

MOST_BYTES = 2_000_000_000
"""Memory for features. Those of further images are computed each time."""


class FeatureMemory:
    """Watcher that lets a training of new layers compute the features of the frozen base once for each image.

    An image is known by its content, so this is of use where images are not changed at random. The base does not
    change, and in evaluation mode its answer to an image does not depend on the others: what is remembered is what
    would be computed again. Other trainings are left alone.

    Parameters
    ----------
    most_bytes : int
        Memory that the features may take.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._known: dict[bytes, list[torch.Tensor]] = {}

    def watch(self, trainer: Engine, evaluator: Engine) -> None:  # noqa: ARG002 - as `Watcher` has it
        """Put the memory between the new layers of a trainer's network and their base."""
        network: Any = getattr(trainer, "network", None)
        if isinstance(network, TranslatorUNet):
            network.base.decode = self.remember(network.base.decode)  # type: ignore[assignment,arg-type]

    def remember(self, decode: Decode) -> Decode:
        """Return a function that computes features only of images that it has not seen."""

        def decode_new(images: torch.Tensor) -> list[torch.Tensor]:
            keys = [_digest(image) for image in images]
            new = [place for place, key in enumerate(keys) if key not in self._known]
            fresh: dict[bytes, list[torch.Tensor]] = {}
            if new:
                levels = decode(images[new])
                for number, place in enumerate(new):
                    fresh[keys[place]] = [level[number].clone() for level in levels]
                    self._keep(keys[place], fresh[keys[place]])
            found = [fresh.get(key) or self._known[key] for key in keys]
            return [
                torch.stack(level).contiguous(memory_format=torch.channels_last) for level in zip(*found, strict=True)
            ]

        return decode_new

    def _keep(self, key: bytes, features: list[torch.Tensor]) -> None:
        size = sum(level.numel() * level.element_size() for level in features)
        if self.bytes + size <= self.most_bytes:
            self._known[key] = features
            self.bytes += size


def _digest(image: torch.Tensor) -> bytes:
    content = image.detach().cpu().contiguous()
    return hashlib.sha256(repr((content.shape, content.dtype)).encode() + content.numpy().tobytes()).digest()
