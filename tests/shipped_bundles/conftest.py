"""The bundles under test, and a tiny data set that they can train on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from monai_lungxfer.bundle.files import bundle_names, bundle_path
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet

SMALL = describe_network(DonorUNet(init_features=4))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bundle" in metafunc.fixturenames:
        metafunc.parametrize("bundle", [bundle_path(name) for name in bundle_names()], ids=bundle_names())


def write_discs(folder: Path, count: int, seed: int = 0, patients: str = "p") -> Path:
    """Write a data set of bright discs on noise, one patient an image, that a small network learns at once."""
    rng = np.random.default_rng(seed)
    records = []
    rows, columns = np.mgrid[:40, :48]
    for number in range(count):
        centre = rng.uniform(12, 28, size=2)
        mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 64
        pixels = rng.normal(80, 10, mask.shape) + 90 * mask
        for kind, array in (("images", pixels), ("masks", 255 * mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.clip(0, 255).astype(np.uint8)).save(folder / kind / f"{number}.png")
        records.append(
            {
                "image": f"images/{number}.png",
                "label": f"masks/{number}.png",
                "patient": f"{patients}{number}",
                "finding": "normal" if number % 2 else "pathological",
            }
        )
    (folder / "datalist.json").write_text(json.dumps(records))
    return folder


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_discs(tmp_path_factory.mktemp("discs"), 20)


@pytest.fixture(scope="session")
def other_discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of other patients."""
    return write_discs(tmp_path_factory.mktemp("other_discs"), 20, seed=1, patients="other")


@pytest.fixture
def own_discs(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a data set of a name, with eight patients whose names begin alike."""
    return lambda name, patients: write_discs(tmp_path / name, 8, seed=2, patients=patients)


@pytest.fixture(scope="session")
def small_parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network of random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("parent") / "model.pt"
    torch.save(DonorUNet(init_features=4).state_dict(), path)
    return path


@pytest.fixture
def small_settings(discs: Path, small_parent: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings with which a bundle trains within seconds."""
    return {
        "dataset_dir": str(discs),
        "output_dir": str(tmp_path / "out"),
        "ckpt_dir": str(tmp_path / "out" / "models"),
        "parent": str(small_parent),
        "network_def": SMALL,
        "image_size": [32, 32],
        "batch_size": 4,
        "max_epochs": 3,
        "precision": "float32",
        "tracking_uri": "",
        "hold_out": 0.0,
        "locked_share": 0.0,
    }
