"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from source_tree import REPOSITORY

pytest_plugins = ["deploy_environment", "orthanc_server", "label_servers", "ray_nodes", "tiny_study"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images, laid out as `lgg/`, `general/`, `portable/`, `native/`, `dicom/`."""
    folder = Path(os.environ.get("LUNGXFER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "portable" / "datalist.json").is_file():
        pytest.skip(f"no real images at {folder}; set LUNGXFER_TEST_DATA to a folder that has them")
    return folder


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Undo what a command did with ``--threads``: another number of threads changes the last digits of a training."""
    before = torch.get_num_threads()
    variables = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")}
    yield
    torch.set_num_threads(before)
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
