"""A small network that corrects the border of a mask, by patches of the radiograph along it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate

STRIDE = 4
"""Sides of a patch are multiples of it."""


class BorderRefiner(nn.Module):
    """A U-Net of three levels, from a radiograph and a probability of lung to what is added to its logit.

    The last layer starts at zero, so that a network which has learnt nothing changes nothing. With the default width it
    has 109,169 parameters.

    Parameters
    ----------
    width : int
        Features of the finest level.

    Examples
    --------
    >>> BorderRefiner(width=4)(torch.rand(1, 2, 32, 48)).abs().max().item()
    0.0
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        self.fine = _convolutions(2, width)
        self.middle = nn.Sequential(nn.AvgPool2d(2), *_convolutions(width, 2 * width))
        self.coarse = nn.Sequential(nn.AvgPool2d(2), *_convolutions(2 * width, 4 * width))
        self.middle_up = _convolution(6 * width, 2 * width)
        self.fine_up = nn.Sequential(*_convolution(3 * width, width), *_convolution(width, width))
        self.correction = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the correction of the logit, (N, 1, H, W), of patches (N, 2, H, W).

        The first channel is the radiograph with mean 0 and standard deviation 1, the second the probability. Sides are
        multiples of `STRIDE`.
        """
        fine = self.fine(patches)
        middle = self.middle(fine)
        coarse = _twice(self.coarse(middle))
        joined = _twice(self.middle_up(torch.cat([coarse, middle], dim=1)))
        correction: torch.Tensor = self.correction(self.fine_up(torch.cat([joined, fine], dim=1)))
        return correction


def _convolution(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def _convolutions(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(*_convolution(channels, out), *_convolution(out, out))


def _twice(features: torch.Tensor) -> torch.Tensor:
    return interpolate(features, scale_factor=2, mode="bilinear")
