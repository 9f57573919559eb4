"""The input size that travels beside a weights file."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.weights.sidecar import input_size, save_sidecar


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "model.pt").touch()
    return tmp_path / "model.pt"


def test_what_was_saved_is_read(weights: Path) -> None:
    save_sidecar(weights, (128, 96))
    assert (weights.parent / "model.json").is_file()
    assert input_size(weights) == [128, 96]


def test_weights_from_elsewhere_want_the_papers(weights: Path) -> None:
    assert input_size(weights) == [256, 256]


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match=r"none\.pt"):
        input_size(tmp_path / "none.pt")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"image_size": 3}', '{"image_size": ["a", 1]}'])
def test_a_damaged_size_is_named(weights: Path, content: str) -> None:
    (weights.parent / "model.json").write_text(content)
    with pytest.raises(TransferError, match=r"model\.json"):
        input_size(weights)
