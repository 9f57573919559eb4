"""A look at the picture before the network: whether it is an upright radiograph of a chest, with dark air."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SIDE = 48
"""Pixels of a side of the picture that is looked at."""

_SHIPPED = "content_check.npz"


@dataclass(frozen=True)
class Content:
    """What a picture seems to show.

    Attributes
    ----------
    quarter_turns : int
        By how many quarters of a turn, against the clock, it lies from upright: 2 also stands for upside down.
    is_reversed : bool
        Whether air is bright.
    is_chest : bool
        Whether it is one radiograph of a chest, in whatever position.
    certainty : float
        The lowest probability among these three answers, 0.25 to 1.
    """

    quarter_turns: int
    is_reversed: bool
    is_chest: bool
    certainty: float

    @property
    def flags(self) -> dict[str, bool]:
        """Which flags apply; how a picture lies only counts where it is a chest."""
        return {
            "no_chest": not self.is_chest,
            "inverted_grey": self.is_chest and self.is_reversed,
            "turned": self.is_chest and self.quarter_turns != 0,
        }


def content_layers(width: int = 12) -> nn.Sequential:
    """Build the layers. Out come the logits of four directions, of an inverted grey scale, and of a chest."""

    def block(channels: int, out: int, *, pool: bool = True) -> list[nn.Module]:
        layers = [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
        return [*layers, nn.MaxPool2d(2)] if pool else layers

    convolutions = [*block(1, width), *block(width, 2 * width), *block(2 * width, 4 * width)]
    last = block(4 * width, 4 * width, pool=False)
    head = [nn.Flatten(), nn.Linear(4 * width * (SIDE // 8) ** 2, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 6)]
    return nn.Sequential(*convolutions, *last, *head)


def standardised(pictures: torch.Tensor) -> torch.Tensor:
    """Bring each of (N, 1, H, W) to mean 0 and standard deviation 1."""
    deviation, mean = torch.std_mean(pictures, dim=(-2, -1), keepdim=True)
    return (pictures - mean) / deviation.clamp(min=1e-3)


class ContentCheck:
    """Looks at pictures; see `scripts/experiments/train_content_check.py` for how it learnt, and its rates.

    Parameters
    ----------
    file : pathlib.Path, optional
        Its weights; by default those of the package.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._layers = content_layers().eval()
        with np.load(file or Path(str(files("monai_lungxfer.inference") / _SHIPPED)), allow_pickle=False) as held:
            self._layers.load_state_dict(
                {name: torch.from_numpy(held[name].astype(np.float32)) for name in held}, strict=False
            )

    @torch.inference_mode()
    def __call__(self, picture: torch.Tensor) -> Content:
        """Look at a picture, (1, H, W) of any size and scale."""
        small = functional.adaptive_avg_pool2d(picture.float(), SIDE)[None]
        outputs = self._layers(standardised(small))[0]
        directions = outputs[:4].softmax(0)
        is_reversed, is_chest = outputs[4:].sigmoid().tolist()
        certainty = min(float(directions.max()), max(is_reversed, 1 - is_reversed), max(is_chest, 1 - is_chest))
        return Content(int(directions.argmax()), is_reversed > 0.5, is_chest > 0.5, certainty)

    @staticmethod
    def save(layers: nn.Module, file: Path) -> None:
        """Write the weights of trained layers, in float16."""
        held = {name: tensor.numpy() for name, tensor in layers.state_dict().items() if "num_batches" not in name}
        np.savez_compressed(file, **{name: array.astype(np.float16) for name, array in held.items()})
