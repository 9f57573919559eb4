"""Settings that travel beside a weights file."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.errors import TransferError
from monai_lungxfer.inference_settings import inference_settings, save_inference_settings


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    save_inference_settings(tmp_path / "model.pt", {"image_size": [128, 96]})
    assert (tmp_path / "model.json").is_file()
    assert inference_settings(tmp_path / "model.pt") == {"image_size": [128, 96]}


def test_weights_from_elsewhere_have_none(tmp_path: Path) -> None:
    assert inference_settings(tmp_path / "model.pt") == {}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"inference": 3}'])
def test_damaged_settings_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(TransferError, match=r"model\.json"):
        inference_settings(tmp_path / "model.pt")
