"""The loss of a student that learns from drawn masks and from soft pseudo-masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from monai_lungxfer.data.soft_masks import CERTAIN, IGNORED


class SoftTargetLoss(nn.Module):
    """Smooth Dice over the batch and cross-entropy, each pixel weighted by how certain its target is.

    The student's probability is p, the target's q. The weight w is ``abs(2 q - 1) ** uncertainty``: 1 for drawn masks,
    0 where the teachers are undecided or the pixel is ignored.

    - Dice: ``1 - (2 Σ w p q + 1) / (Σ w (p + q) + 1)``, the paper's loss where all w are 1;
    - cross-entropy: ``Σ w H(q, p) / Σ w``.

    Parameters
    ----------
    uncertainty : float
        Exponent of the weight, 0 or more; 0 counts every pixel alike that is not ignored.
    cross_entropy : float
        Factor of the cross-entropy.

    Raises
    ------
    ValueError
        When a parameter is negative.
    """

    def __init__(self, uncertainty: float = 1.0, cross_entropy: float = 1.0) -> None:
        super().__init__()
        if uncertainty < 0 or cross_entropy < 0:
            raise ValueError("uncertainty and cross_entropy must be 0 or more")
        self.uncertainty = uncertainty
        self.cross_entropy = cross_entropy

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits and of soft masks (see `monai_lungxfer.data.soft_masks`), both (N, 1, H, W)."""
        seen = target != IGNORED
        wanted = torch.where(seen, target, 0).to(logits.dtype) / CERTAIN
        weight = seen * (2 * wanted - 1).abs().pow(self.uncertainty)
        found = logits.sigmoid()
        overlap, sizes = (weight * found * wanted).sum(), (weight * (found + wanted)).sum()
        dice = 1 - (2 * overlap + 1) / (sizes + 1)
        if not self.cross_entropy:
            return dice
        entropy = binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
        return dice + self.cross_entropy * entropy / weight.sum().clamp(min=1)
