"""Checkpoints: read without running any code from the file, and written so that equal content has equal bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import atomic_path

_REMEDY = "Give a file made by torch.save(network.state_dict(), …); files that hold code are refused"


def read_checkpoint(path: str | Path, remedy: str = _REMEDY, *, content: bytes | None = None) -> Any:
    """Read tensors, numbers, texts, and lists and dicts of them; the file's `content` may have been read already.

    A file that cannot be read, holds anything else, or would unpack to more than its size raises a TransferError, with
    the `remedy`. Nothing of it has been executed then.
    """
    try:
        file = io.BytesIO(Path(path).read_bytes() if content is None else content)
        _refuse_bomb(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch's unpickler raises whatever a malformed file makes it stumble over
        raise TransferError("it is not a PyTorch checkpoint of plain tensors", source=path, remedy=remedy) from error


def _refuse_bomb(file: io.BytesIO) -> None:
    """Refuse a zip archive that grows when it is read: PyTorch stores its tensors as they are."""
    if zipfile.is_zipfile(file):  # else it is of PyTorch's older format, a pickle
        with zipfile.ZipFile(file) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
        if declared > len(file.getbuffer()):
            raise ValueError(f"it would unpack to {declared} bytes")
    file.seek(0)


def save_checkpoint(content: Any, path: str | Path) -> None:
    """Write tensors, numbers, texts, and lists and dicts of them to a file, which is replaced atomically.

    Equal content gives equal bytes.
    """
    # Given a path, torch would write its name into the file, and equal weights would have different hashes; given a
    # file, its zip writer would hide what the system says, such as that the disk is full.
    written = io.BytesIO()
    torch.save(content, written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getbuffer())
