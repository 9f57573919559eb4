"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from source_tree import REPOSITORY

from monai_lungxfer.utils import log_redaction

pytest_plugins = [
    "chromium_browser",
    "deploy_environment",
    "orthanc_server",
    "label_servers",
    "ray_nodes",
    "tiny_study",
]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images, laid out as `lgg/`, `general/`, `portable/`, `native/`, `dicom/`."""
    folder = Path(os.environ.get("LUNGXFER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "portable" / "datalist.json").is_file():
        pytest.skip(f"no real images at {folder}; set LUNGXFER_TEST_DATA to a folder that has them")
    return folder


@pytest.fixture(autouse=True)
def libraries_may_speak() -> Iterator[None]:
    """Undo what a command did to the log records of libraries, which other tests look at."""
    yield
    log_redaction.withhold_library_messages(None)


if "PYTEST_XDIST_WORKER" in os.environ:  # several processes that compute with several threads each hinder one another
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"

_THREADS = torch.get_num_threads()
_VARIABLES = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")}


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Undo what a command did with threads: another number of them changes the last digits of a training.

    A fixture of a wider scope, such as a study run in this process, acts before this one. So the state of the session's
    start is set before each test, and after it.
    """
    _restore_threads()
    yield
    _restore_threads()


def _restore_threads() -> None:
    torch.set_num_threads(_THREADS)
    for name, value in _VARIABLES.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
