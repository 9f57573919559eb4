"""What is measured: predictions and masks of the same size, and how large their pixels are, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.config import NdarrayOrTensor
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_lungxfer.utils.errors import LungXferError


def check_pair(probability: NdarrayOrTensor, truth: NdarrayOrTensor) -> tuple[Tensor, Tensor]:
    """Check predictions and masks, each (N, 1, H, W) or (H, W), and return them as float and bool (N, H, W).

    Raises LungXferError when shapes differ, probabilities leave 0..1 or are NaN, or masks hold others than 0 and 1.
    """
    p: Tensor = convert_to_tensor(probability, track_meta=False).detach()
    t: Tensor = convert_to_tensor(truth, track_meta=False, device=p.device).detach()
    if p.shape != t.shape or not (p.ndim == 2 or (p.ndim == 4 and p.shape[1] == 1)) or p.numel() == 0:
        raise LungXferError(
            f"predictions {tuple(p.shape)} and masks {tuple(t.shape)} cannot be compared",
            remedy="Give both as (N, 1, H, W) or (H, W), of the same size",
        )
    if p.dtype not in (torch.float32, torch.float64):
        p = p.to(torch.float32)
    if not bool(((p >= 0) & (p <= 1)).all()):
        raise LungXferError(
            f"predictions must be probabilities in 0..1; these reach from {float(p.min()):g} to {float(p.max()):g}",
            remedy="Apply the sigmoid to the network's output first; NaN means that the training diverged",
        )
    if not bool(((t == 0) | (t == 1)).all()):
        raise LungXferError("masks hold other values than 0 and 1", remedy="Divide masks of 0 and 255 by 255")
    shape = (-1, *p.shape[-2:])
    return p.reshape(shape), t.reshape(shape) == 1


def spread_spacing(
    spacing: Sequence[float] | Sequence[Sequence[float]] | None, number: int
) -> list[list[float] | None]:
    """Return the (row, column) spacing in mm of each of some images, given once or for each; ``None`` without any.

    Raises LungXferError for numbers that are not above 0, or are not two for each image.
    """
    if spacing is None:
        return [None] * number
    pairs = np.asarray(spacing, dtype=float)
    if pairs.shape not in ((2,), (number, 2)) or not np.all(pairs > 0):
        raise LungXferError(
            f"pixel spacing {spacing} does not fit {number} image(s)",
            remedy="Give (row, column) in mm once for all images or once for each",
        )
    return np.broadcast_to(pairs, (number, 2)).tolist()
