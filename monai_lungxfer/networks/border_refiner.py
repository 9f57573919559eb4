"""A small network that corrects the border of a mask, by patches of the radiograph along it."""

from __future__ import annotations

from itertools import chain, pairwise

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, pixel_shuffle, pixel_unshuffle

LEVELS = 4
_FOLD = 2  # so many rows and columns are folded into channels, which takes a quarter of the time
STRIDE = _FOLD * 2 ** (LEVELS - 1)
"""Sides of a patch are multiples of it."""


class BorderRefiner(nn.Module):
    """A U-Net of four levels, from a radiograph and a probability of lung to what is added to its logit.

    The last layer starts at zero, so that a network which has learnt nothing changes nothing. With the default width it
    has 122,393 parameters.

    Parameters
    ----------
    width : int
        Features of the finest level; each coarser one has twice as many.

    Examples
    --------
    >>> BorderRefiner(width=4)(torch.rand(1, 2, 32, 48)).abs().max().item()
    0.0
    """

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.width = width
        widths = [width * 2**level for level in range(LEVELS)]
        self.down = nn.ModuleList(_block(*pair) for pair in zip([2 * _FOLD**2, *widths], widths, strict=False))
        self.up = nn.ModuleList(_block(wide + narrow, narrow) for narrow, wide in pairwise(widths))
        self.correction = nn.Conv2d(width, _FOLD**2, 1)
        for weight in self.correction.parameters():
            nn.init.zeros_(weight)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the correction of the logit, (N, 1, H, W), of patches (N, 2, H, W).

        The first channel is the radiograph with mean 0 and standard deviation 1, the second the probability. Sides are
        multiples of `STRIDE`.
        """
        levels = [self.down[0](pixel_unshuffle(patches, _FOLD))]
        for block in self.down[1:]:
            levels.append(block(avg_pool2d(levels[-1], 2)))
        features = levels.pop()
        for block, level in zip(reversed(self.up), reversed(levels), strict=True):
            features = block(torch.cat([interpolate(features, scale_factor=2, mode="bilinear"), level], dim=1))
        return pixel_shuffle(self.correction(features), _FOLD)


def _block(channels: int, out: int) -> nn.Sequential:
    """Return two convolutions of 3 x 3."""
    layers = (
        [nn.Conv2d(entering, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        for entering in (channels, out)
    )
    return nn.Sequential(*chain.from_iterable(layers))
