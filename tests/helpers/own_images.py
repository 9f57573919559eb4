"""Images of one's own to adapt to, and a tiny network to start from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from monai_lungxfer.metrics.summary import summarise
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar

SIDE = 64
BEFORE = np.random.default_rng(0).normal(0.9, 0.02, 12)
"""Dice of twelve images."""


def write_own_images(folder: Path, count: int = 24) -> Path:
    """Write phantoms of portable radiographs with a datalist, and return their folder."""
    return write_phantoms(folder, donor=0, general=0, portable=count, size=96) / "portable"


def write_tiny_weights(file: Path) -> Path:
    """Write random weights of a small network for images of 64x64."""
    torch.manual_seed(0)
    network = DonorUNet(init_features=4)
    return save_weights(network.state_dict(), file, Sidecar([SIDE, SIDE], describe_network(network)))


def read_records(folder: Path) -> list[dict[str, str]]:
    return json.loads((folder / "datalist.json").read_text())


def make_report(dice: np.ndarray, patients: list[int], **changes) -> dict:
    """Return a report of `lungxfer evaluate` that has the Dice of masks alone."""
    rows = [
        {"image": f"images/case-{number:04d}.png", "DICE_HARD": float(value), "patient": patient, "grid": "64x64"}
        for number, (value, patient) in enumerate(zip(dice, patients, strict=True))
    ]
    report = {"section": "independent", "split": "a" * 64, "weights_sha256": "b" * 64, "rows": rows}
    return report | {"images": len(rows), "all": summarise(rows, ["DICE_HARD"]), "by_finding": {}} | changes
