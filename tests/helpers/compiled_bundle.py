"""A copy of the portable bundle with small random weights, and the pipeline compiled from them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_lungxfer.bundle.files import WEIGHTS, export_bundle
from monai_lungxfer.inference.engines.compiler import compile_bundle
from monai_lungxfer.inference.engines.pipeline_file import Pipeline
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.chest import portable_radiograph
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar

NETWORK = {"_target_": "monai_lungxfer.networks.donor_unet.DonorUNet", "init_features": 4}


def small_bundle(
    folder: Path,
    *,
    name: str = "portable",
    half: bool = False,
    in_channels: int = 3,
    sequence: str | None = None,
    sizing: str = "square",
) -> Path:
    """Make the copy in a folder; its network draws masks of about half of an image. Weights may be float16.

    Of MRI slices, they may take one sequence.
    """
    torch.manual_seed(0)
    bundle = export_bundle(name, folder)
    shutil.rmtree(bundle / "models")
    (bundle / "models").mkdir()
    network = DonorUNet(in_channels, init_features=4)
    torch.nn.init.normal_(network.conv.weight, std=5)  # probabilities on both sides of the threshold
    state = network.state_dict()
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    torch.save(state, bundle / WEIGHTS)
    described = NETWORK | ({} if in_channels == 3 else {"in_channels": in_channels})
    save_sidecar(bundle / WEIGHTS, Sidecar([96, 96], described, sizing=sizing, channels=sequence))
    return bundle


def compiled_bundle(folder: Path, **how: Any) -> tuple[Path, Pipeline]:
    """Make the copy, and compile it."""
    bundle = small_bundle(folder, **how)
    return bundle, compile_bundle(bundle, bundle / WEIGHTS)


def phantom(height: int = 300, width: int = 260, seed: int = 1) -> Radiograph:
    """Return a drawn radiograph of a chest."""
    pixels = portable_radiograph(np.random.default_rng(seed), height, width, "normal")[0]
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "array")
