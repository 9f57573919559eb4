"""Phantoms and tiny networks that several tests of features share."""

from __future__ import annotations

from pathlib import Path

import pytest
from related_weights import write_related_weights

from monai_lungxfer.features.images import ImageSet, read_image_set
from monai_lungxfer.features.networks import ComparedNetwork, parse_networks
from monai_lungxfer.synthetic.phantoms import write_phantoms


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with 24 brain slices and 16 portable radiographs."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), donor=24, general=0, portable=16, size=80)


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[ComparedNetwork]:
    """Return two tiny networks, ``before`` and ``after``, and a random one."""
    before, after = write_related_weights(tmp_path_factory.mktemp("weights"))
    return parse_networks([f"before={before}", f"after={after}"])


@pytest.fixture(scope="session")
def radiographs(phantoms: Path) -> ImageSet:
    return read_image_set("cxr", phantoms / "portable", limit=8)


@pytest.fixture(scope="session")
def slices(phantoms: Path) -> ImageSet:
    return read_image_set("mri", phantoms / "lgg" / "kaggle_3m", limit=8)
