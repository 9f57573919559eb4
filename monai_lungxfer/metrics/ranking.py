"""Area under the ROC curve of the pixels of an image."""

from __future__ import annotations

import torch
from torch import Tensor


def area_under_curve(probability: Tensor, truth: Tensor) -> Tensor:
    """Return the share of pairs (lung pixel, background pixel) that are in the right order, ties counted half.

    This is the Mann-Whitney statistic, and the area under the ROC curve.

    Parameters
    ----------
    probability : torch.Tensor
        float32 or float64 (N, H, W), 0 or more.
    truth : torch.Tensor
        bool (N, H, W).

    Returns
    -------
    torch.Tensor
        float64 (N,); NaN where the truth has one class.
    """
    # Non-negative floats sort as their bits do. With the class as the lowest bit, a fast sort of integers puts the
    # background of each tie first (counting pairs in order or tied) or last (counting pairs in order alone).
    truth = truth.flatten(1)
    integer = torch.int32 if probability.dtype == torch.float32 else torch.int64
    bits = probability.flatten(1).view(integer) << 1  # drops the sign, so that -0.0 is 0.0
    ordered = _pairs_in_order(bits | truth, lung_bit=1) + _pairs_in_order(bits | ~truth, lung_bit=0)
    positives = truth.sum(dim=1)
    pairs = 2 * positives * (truth.shape[1] - positives)
    return torch.where(pairs > 0, ordered.double() / pairs, torch.nan)


def _pairs_in_order(keys: Tensor, lung_bit: int) -> Tensor:
    # Row by row, since torch sorts a vector several times faster than the rows of a matrix.
    ranked = torch.stack([row.sort().values & 1 == lung_bit for row in keys])
    return ((~ranked).cumsum(dim=1) * ranked).sum(dim=1)
