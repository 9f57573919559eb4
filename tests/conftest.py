"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from source_tree import REPOSITORY

pytest_plugins = ["deploy_environment", "orthanc_server", "label_servers", "ray_nodes", "tiny_study"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images, laid out as `lgg/`, `general/`, `portable/`, `native/`, `dicom/`."""
    folder = Path(os.environ.get("LUNGXFER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "portable" / "datalist.json").is_file():
        pytest.skip(f"no real images at {folder}; set LUNGXFER_TEST_DATA to a folder that has them")
    return folder
