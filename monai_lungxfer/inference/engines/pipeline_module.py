"""The whole of inference as one PyTorch module, from a radiograph to its native size, which can be traced."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from monai_lungxfer.inference.content_network import ContentLook, turn_round
from monai_lungxfer.networks.sizing import MAX_ASPECT, SQUARE, UNEQUAL, side_limits

_BAND = 24  # rows of a result that are made at a time, since each needs a few rows of the image alone
_SLACK = 3


@dataclass(frozen=True)
class Steps:
    """Which of the optional steps of a preprocessing a pipeline takes."""

    size: tuple[int, int]  # (h, w) in pixels; with the sizings of `UNEQUAL`, that of a square image
    channels: int  # of the network's input, for which a single one is repeated
    looks_at_polarity: bool
    normalises: bool
    sizing: str = SQUARE
    stride: int = 1  # of the network

    @property
    def has_one_size(self) -> bool:
        """Whether every image is resized to `size`."""
        return self.sizing not in UNEQUAL


class PipelineModule(nn.Module):
    """Resizes, turns the grey scale round, normalises, runs the network, and goes back to native size.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; it takes (1, C, h, w), with the channels of `steps`.
    steps : Steps
        By the bundle's inference.yaml.
    """

    def __init__(self, network: nn.Module, steps: Steps) -> None:
        super().__init__()
        self.network = network
        self.look = ContentLook()
        self.steps = steps

    def forward(self, image: torch.Tensor, fix_polarity: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Segment an upright image, (1, 1 or 3, H, W), float32, of any size and scale.

        `fix_polarity`, a scalar of booleans, tells whether the grey scale may be turned round.

        Returns
        -------
        probability : torch.Tensor
            (1, 1, H, W).
        logits, picture : torch.Tensor
            (1, 1, h, w), the network's answer, and (1, 1 or 3, h, w), its input, all that it is told.
        content : torch.Tensor
            (6,), the logits of `ContentLook`.
        turned_round : torch.Tensor
            A scalar of booleans.
        """
        small = self._resized(image.squeeze(0))  # an index would copy the image
        content, is_border = self.look(small[:1])
        turned_round = torch.zeros_like(fix_polarity)
        if self.steps.looks_at_polarity:
            turned, is_certain = turn_round(small, content, is_border)
            turned_round = fix_polarity & is_certain
            small = torch.where(turned_round, turned, small)
        if self.steps.normalises:
            small = normalised(small)
        picture = small[None]
        logits = self._answer(picture)
        probability = interpolate(logits.sigmoid(), image.shape[-2:], mode="bilinear", align_corners=False)
        return probability, logits, picture, content, turned_round

    def _resized(self, image: torch.Tensor) -> torch.Tensor:
        if self.steps.has_one_size:
            return resize_antialiased(image, self.steps.size)
        # An image's own size follows it in a trace, where a number of Python would stay as it is.
        return resize_antialiased(image, fitted_size(image, self.steps), -(-2 * max(self.steps.size) // _BAND))

    def _answer(self, picture: torch.Tensor) -> torch.Tensor:
        if self.steps.has_one_size:
            return self.network(picture.expand(1, self.steps.channels, *self.steps.size))
        height, width = picture.shape[-2:]
        below, right = -height % self.steps.stride, -width % self.steps.stride
        padded = pad(picture.expand(1, self.steps.channels, height, width), (0, right, 0, below))
        return self.network(padded)[..., :height, :width]


def fitted_size(image: torch.Tensor, steps: Steps) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `monai_lungxfer.networks.sizing.fit_size` does for an image (C, H, W), as whole numbers in tensors.

    The image is read without its values, so that a trace does not keep its size.
    """
    height, width = (torch.as_tensor(side) for side in image.shape[-2:])
    rows, columns = torch.minimum(height, MAX_ASPECT * width), torch.minimum(width, MAX_ASPECT * height)
    if steps.sizing == "pad":
        side, longest = max(steps.size), torch.maximum(rows, columns)
        return _divided(2 * side * rows + longest, 2 * longest), _divided(2 * side * columns + longest, 2 * longest)
    limits = torch.tensor(side_limits(steps.size, steps.stride)).unbind(1)
    return tuple(  # type: ignore[return-value]
        steps.stride * (1 + (limits[0] * one >= limits[1] * other).long().sum())
        for one, other in ((rows, columns), (columns, rows))
    )


def _divided(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    return torch.div(part, whole, rounding_mode="floor")


def normalised(image: torch.Tensor) -> torch.Tensor:
    """Bring each channel of (C, H, W) to mean 0 and standard deviation 1, as MONAI's ``NormalizeIntensity`` does."""
    centred = image - image.mean((-2, -1), keepdim=True)
    deviation = (centred**2).mean((-2, -1), keepdim=True).sqrt()
    return centred / torch.where(deviation == 0, 1.0, deviation)


def resize_antialiased(image: torch.Tensor, size: Sequence[Any], parts: int | None = None) -> torch.Tensor:
    """Resize (C, H, W) as PyTorch's ``interpolate`` does, bilinear and antialiased, by two products of matrices.

    ONNX has this in ``Resize``, but OpenVINO 2026.4 reads its attribute ``antialias`` and does not follow it. The
    result is made in bands, as many as `parts`, since a trace has as many as it began with; their number follows from
    a size that is no tensor.
    """
    rows, columns = (_triangles(image, axis, side) for axis, side in zip((1, 2), size, strict=True))
    firsts = (
        [*range(0, size[0], _BAND), size[0]] if parts is None else [_share(size[0], k, parts) for k in range(parts + 1)]
    )
    bands = []
    for first, last in itertools.pairwise(firsts):
        near = _reach(image, size[0], first, last)
        bands.append(rows[first:last, near] @ image[:, near])
    return torch.cat(bands, 1) @ columns.transpose(0, 1)


def _share(side: torch.Tensor, part: int, parts: int) -> torch.Tensor:
    return torch.div(side * part, parts, rounding_mode="floor")


def _reach(image: torch.Tensor, side: Any, first: Any, last: Any) -> slice:
    """Return the rows of an image that some rows of the result are made of, and a few more."""
    height = image.shape[1]  # in a trace, a tensor that follows the image
    begin = torch.as_tensor(height * first // side - height // side - _SLACK).clamp(min=0)
    return slice(begin, height * last // side + height // side + _SLACK)


def _triangles(image: torch.Tensor, axis: int, side: Any) -> torch.Tensor:
    """Return the weights (side, N) of the N pixels along an axis; each row is a triangle whose sum is 1."""
    line = (image[:, :, :1] if axis == 1 else image[:, :1])[:1].flatten()  # in this order, little is copied
    places = torch.ones_like(line).cumsum(0) - 0.5  # written so that its length follows the image when it is traced
    scale = places[-1:] + 0.5
    scale = scale / side
    centres = (torch.arange(side, dtype=torch.float32) + 0.5) * scale
    weights = (1 - (places[None] - centres[:, None]).abs() / scale.clamp(min=1.0)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)
