"""A small data set with marks of annotators, and weights whose answer is known: the bright is lung."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar

SIDE = 64
FINDINGS = ("covid19", "covid19", "covid19", "normal")


@pytest.fixture(scope="session")
def marked_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four radiographs of four patients; of the first a square is marked, in the others nobody found an object."""
    folder = tmp_path_factory.mktemp("marked")
    for name in ("images", "masks", "ignore"):
        (folder / name).mkdir()
    records = []
    for number, finding in enumerate(FINDINGS):
        lungs = np.zeros((SIDE, SIDE), bool)
        lungs[14:50, 8 + number : 28] = lungs[14:50, 36 : 56 - number] = True
        noise = np.random.default_rng(number).normal(0, 4, lungs.shape)
        picture = np.where(lungs, 60, 150) + noise
        Image.fromarray(picture.astype(np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(lungs).save(folder / "masks" / f"{number}.png")
        records.append(
            {"image": f"images/{number}.png", "label": f"masks/{number}.png", "patient": f"Smith-{number}"}
            | {"finding": finding, "view": "AP", "source": "test", "ignore_fraction": 0.0}
        )
    marks = np.zeros((SIDE, SIDE), bool)
    marks[20:30, 10:20] = True
    Image.fromarray(marks).save(folder / "ignore" / "0.png")
    records[0] |= {"ignore": "ignore/0.png", "ignore_fraction": round(float(marks.mean()), 6)}
    (folder / "datalist.json").write_text(json.dumps(records))
    return folder


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sets of weights of a small U-Net at 32 x 32, whose masks are neither empty nor full."""
    files = []
    for seed in range(2):
        torch.manual_seed(seed)
        unet = DonorUNet(init_features=4)
        nn.init.normal_(unet.conv.weight, std=5)
        folder = tmp_path_factory.mktemp("weights")
        files.append(save_weights(unet.state_dict(), folder / "model.pt", Sidecar([32, 32])))
    return files
