"""Settings of inference that weights want, kept beside their file: weights alone do not tell their input size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.errors import TransferError
from monai_lungxfer.files import atomic_path

__all__ = ["inference_settings", "save_inference_settings", "settings_file"]


def settings_file(weights: str | Path) -> Path:
    """Return where the settings of a weights file stand: `model.json` for `model.pt`."""
    return Path(weights).with_suffix(".json")


def save_inference_settings(weights: str | Path, settings: Mapping[str, Any]) -> None:
    """Write the settings of a weights file.

    Parameters
    ----------
    weights : str or pathlib.Path
        The weights file.
    settings : mapping
        Ids of inference.yaml and their values, such as ``{"image_size": [128, 128]}``.

    Raises
    ------
    OutputError
        When they cannot be written.
    """
    with atomic_path(settings_file(weights)) as temporary:
        temporary.write_text(json.dumps({"inference": dict(settings)}, indent=1) + "\n", encoding="utf-8")


def inference_settings(weights: str | Path) -> dict[str, Any]:
    """Read the settings of a weights file; empty where there are none, as beside weights from elsewhere.

    Raises
    ------
    TransferError
        When the file of the settings is damaged.
    """
    file = settings_file(weights)
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return dict(content["inference"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransferError(
            f"holds no settings of inference ({error})",
            source=file,
            remedy="Copy it again from where the weights come from, or remove it and give --set image_size=…",
        ) from error
