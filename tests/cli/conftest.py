"""Fixtures of the tests of the command `predict`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Weights of the network of `predict_run.run`."""
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    return path
