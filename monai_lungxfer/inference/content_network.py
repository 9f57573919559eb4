"""The network that looks at pictures for `monai_lungxfer.inference.content_check`, and what follows from its look.

All is written so that it can be traced: no shape and no branch depends on a picture.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import nn

from monai_lungxfer.inference.content_check import CERTAIN, Content

SIDE = 48
"""Pixels of a side of the picture that is looked at."""

_SHIPPED = "content_check.npz"

_BORDER_SHARE = 0.75  # of a row or column that is black or white, beyond which it belongs to a border
_BORDER_RANGE = 0.02  # of the picture's range that counts as black, or white
_LEAST_LEFT = 3  # a part in so many of the side must be left


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
    mean = pictures.mean(dim=(-2, -1), keepdim=True)
    squares = ((pictures - mean) ** 2).sum(dim=(-2, -1), keepdim=True)
    return (pictures - mean) / (squares / (SIDE**2 - 1)).sqrt().clamp(min=1e-3)


class ContentLook(nn.Module):
    """Looks at pictures; see `scripts/experiments/train_content_check.py` for how it learnt, and its rates.

    Parameters
    ----------
    file : pathlib.Path, optional
        Its weights; by default those of the package.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.layers = content_layers()
        with np.load(file or Path(str(files("monai_lungxfer.inference") / _SHIPPED)), allow_pickle=False) as held:
            weights = {name: torch.from_numpy(held[name].astype(np.float32)) for name in held}
        self.layers.load_state_dict(weights, strict=False)
        self.eval()

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits, (6,), for a picture (1, H, W) of any scale, and which pixels (H, W) are in its border.

        The border is what viewers and collimators leave, black or white; text in it does not matter. In an inverted
        picture it can be as black as in one that is not, and would be taken for air, so it is not looked at.
        """
        low, high = picture.amin(), picture.amax()
        near = _BORDER_RANGE * (high - low)
        extreme = ((picture <= low + near) | (picture >= high - near))[0].float()
        rows, columns = (_span(extreme.mean(axis) < _BORDER_SHARE) for axis in (1, 0))
        scaled = (picture[0] - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)
        small = _averaging(rows) @ scaled @ _averaging(columns).transpose(0, 1)
        is_border = ~(rows[:, None] & columns[None])
        return self.layers(standardised(small[None, None]))[0], is_border


def turn_round(
    images: torch.Tensor, logits: torch.Tensor, is_border: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give black for white in images (C, H, W) whose air is certainly bright, and tell whether it was done.

    The border, as of a viewer, becomes black: it is no dense tissue. The other arguments are what `ContentLook` gives.
    """
    is_turned = logits[4:].sigmoid().amin() >= CERTAIN
    turned = images.amin((-2, -1), keepdim=True) + images.amax((-2, -1), keepdim=True) - images
    turned = torch.where(is_border, torch.minimum(images, turned), turned)
    return torch.where(is_turned, turned, images), is_turned


class ContentCheck:
    """`ContentLook` for one picture at a time. The argument is the same."""

    def __init__(self, file: Path | None = None) -> None:
        self._look = ContentLook(file)

    @torch.inference_mode()
    def __call__(self, picture: torch.Tensor) -> Content:
        """Look at a picture, (1, H, W) of any size and scale."""
        return Content.from_logits(self._look(picture.float())[0].numpy())

    @staticmethod
    def save(layers: nn.Module, file: Path) -> None:
        """Write the weights of trained layers, in float16."""
        held = {name: tensor.numpy() for name, tensor in layers.state_dict().items() if "num_batches" not in name}
        np.savez_compressed(file, **{name: array.astype(np.float16) for name, array in held.items()})


def _span(is_inside: torch.Tensor) -> torch.Tensor:
    """Tell of each row or column whether it lies from the first to the last that is inside.

    All do where too little would be left.
    """
    places = torch.arange(is_inside.shape[0])
    first = torch.where(is_inside, places, is_inside.shape[0]).amin()
    end = torch.where(is_inside, places + 1, 0).amax()
    return ((places >= first) & (places < end)) | ((end - first) * _LEAST_LEFT < is_inside.shape[0])


def _averaging(is_inside: torch.Tensor) -> torch.Tensor:
    """Return the matrix (SIDE, N) by which PyTorch's adaptive average pooling makes `SIDE` values of those inside."""
    count, place = is_inside.sum(), is_inside.long().cumsum(0) - 1
    parts = torch.arange(SIDE)
    start, end = (
        torch.div(each, SIDE, rounding_mode="floor") for each in (parts * count, (parts + 1) * count + SIDE - 1)
    )
    taken = is_inside[None] & (place[None] >= start[:, None]) & (place[None] < end[:, None])
    return taken.float() / (end - start)[:, None].float()
