"""A segmenter that takes what is brighter than the image's mean for lung."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.inference.segmenter import Segmenter


def bright_segmenter(folder: Path) -> Segmenter:
    """Make one whose weights lie in a folder."""
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, folder / "model.pt")
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1}
    overrides = {"network_def": network, "precision": "float32"}
    return Segmenter.from_bundle(weights=folder / "model.pt", device="cpu", overrides=overrides)
