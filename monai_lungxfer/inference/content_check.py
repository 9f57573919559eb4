"""A look at the picture before the network: whether it is an upright radiograph of a chest, with dark air."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

SIDE = 48
"""Pixels of a side of the picture that is looked at."""

CERTAIN = 0.99
"""Least probability of an inverted grey scale, and of a chest, from which on the grey scale is turned round."""

TURNED_ROUND = "its grey scale was turned round, since air was bright by the look of the picture"
"""The remark about a radiograph of which that was done."""

CONTENT_KEY, TURNED_ROUND_KEY = "content", "grey_turned_round"
"""Where the metadata of a preprocessed image hold `Content.as_array`, and whether its grey scale was turned round."""

_SHIPPED = "content_check.npz"

_BORDER_SHARE = 0.75  # of a row or column that is black or white, beyond which it belongs to a border
_BORDER_RANGE = 0.02  # of the picture's range that counts as black, or white
_LEAST_LEFT = 3  # a part in so many of the side must be left


@dataclass(frozen=True)
class Content:
    """What a picture seems to show.

    Attributes
    ----------
    quarter_turns : int
        By how many quarters of a turn, against the clock, it lies from upright: 2 also stands for upside down.
    reversed_probability : float
        That air is bright, 0 to 1.
    chest_probability : float
        That it is one radiograph of a chest, in whatever position, 0 to 1.
    """

    quarter_turns: int
    reversed_probability: float
    chest_probability: float

    def as_array(self) -> NDArray[np.float64]:
        """Return the attributes as one array, which batches of metadata can hold."""
        return np.array(astuple(self))

    @classmethod
    def from_array(cls, values: NDArray[np.float64]) -> Content:
        """Return what `as_array` was made of."""
        quarter_turns, *probabilities = values.tolist()
        return cls(int(quarter_turns), *probabilities)

    @property
    def is_reversed(self) -> bool:
        """Whether air is bright."""
        return self.reversed_probability > 0.5

    @property
    def is_certainly_reversed(self) -> bool:
        """Whether air is bright beyond doubt."""
        return min(self.reversed_probability, self.chest_probability) >= CERTAIN

    @property
    def is_chest(self) -> bool:
        """Whether it is one radiograph of a chest."""
        return self.chest_probability > 0.5

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
        rows, columns = inside(picture)
        low, high = picture.min(), picture.max()
        scaled = (picture.float() - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)
        small = functional.adaptive_avg_pool2d(scaled[:, rows, columns], SIDE)[None]
        outputs = self._layers(standardised(small))[0]
        return Content(int(outputs[:4].argmax()), *outputs[4:].sigmoid().tolist())

    @staticmethod
    def save(layers: nn.Module, file: Path) -> None:
        """Write the weights of trained layers, in float16."""
        held = {name: tensor.numpy() for name, tensor in layers.state_dict().items() if "num_batches" not in name}
        np.savez_compressed(file, **{name: array.astype(np.float16) for name, array in held.items()})


def inside(picture: torch.Tensor) -> tuple[slice, slice]:
    """Return the rows and columns within the black or white border that viewers and collimators leave.

    Text in it does not matter. In an inverted picture a border can be as black as in one that is not, and would be
    taken for air. The picture is (1, H, W), of any scale.
    """
    low, high = picture.min(), picture.max()
    near = _BORDER_RANGE * (high - low)
    extreme = ((picture <= low + near) | (picture >= high - near))[0].float()
    return _span(extreme.mean(1) < _BORDER_SHARE), _span(extreme.mean(0) < _BORDER_SHARE)


def _span(is_inside: torch.Tensor) -> slice:
    """Return from the first to the last that is inside, or everything where too little would be left."""
    found = is_inside.nonzero()
    first, end = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 0)
    return slice(first, end) if (end - first) * _LEAST_LEFT >= len(is_inside) else slice(None)
