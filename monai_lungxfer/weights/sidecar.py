"""The input size that weights were trained for, kept beside their file: a state dict does not tell it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import atomic_path, unwritable

__all__ = ["PAPER_SIZE", "input_size", "input_size_file", "save_input_size"]

PAPER_SIZE = [256, 256]
"""(H, W) in pixels of the paper, and of weights that say nothing, such as the hub's."""


def input_size_file(weights: Path) -> Path:
    """Return where the input size of a weights file is kept."""
    return weights.with_suffix(".json")


def save_input_size(weights: str | Path, size: Sequence[int] | None) -> None:
    """Write the input size of a weights file, `model.json` beside `model.pt`.

    Parameters
    ----------
    weights : str or pathlib.Path
        The weights file.
    size : sequence of int or None
        (H, W) in pixels; for ``None``, the size of weights that were there before is removed.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    file = input_size_file(Path(weights))
    if size is None:
        _remove(file)
        return
    with atomic_path(file) as temporary:
        temporary.write_text(json.dumps({"image_size": list(size)}) + "\n", encoding="utf-8")


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(file, error) from error


def input_size(weights: str | Path) -> list[int]:
    """Return the input size (H, W) in pixels that weights want.

    Parameters
    ----------
    weights : str or pathlib.Path
        As for `monai_lungxfer.bundle.references.resolve_weights`.

    Raises
    ------
    TransferError
        When there are no such weights, or the file beside them is damaged.
    """
    file = input_size_file(resolve_weights(weights))
    if not file.is_file():
        return list(PAPER_SIZE)
    try:
        height, width = json.loads(file.read_text(encoding="utf-8"))["image_size"]
        return [int(height), int(width)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransferError(
            f"holds no input size ({error})",
            source=file,
            remedy="Copy it again from where the weights come from, or remove it and give the size (image_size)",
        ) from error
