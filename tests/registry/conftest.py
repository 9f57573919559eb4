"""Two models that can be registered, and a registry in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.utils.files import hash_file


@pytest.fixture(scope="session")
def portable_sha256() -> str:
    return hash_file(bundle_path("portable") / WEIGHTS)


@pytest.fixture(scope="session")
def general_sha256() -> str:
    return hash_file(bundle_path("general") / WEIGHTS)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return f"sqlite:///{tmp_path}/mlflow.db"
