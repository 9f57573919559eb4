"""Weights of two tiny networks, the second of which stems from the first."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar


def write_related_weights(folder: Path, *, features: int = 2, side: int = 64) -> tuple[Path, Path]:
    """Write `before.pt` and `after.pt`."""
    torch.manual_seed(1)
    network, known = DonorUNet(init_features=features), Sidecar([side, side])
    before = save_weights(network.state_dict(), folder / "before.pt", known)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.03 * weight.abs().mean() * torch.randn_like(weight))
    return before, save_weights(network.state_dict(), folder / "after.pt", known)
