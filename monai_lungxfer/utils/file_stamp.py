"""Which file a name stands for: by this, a file that was replaced while it was worked on is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from monai_lungxfer.utils.errors import InputFileError

_PARTS, _PART = 16, 4096


class FileStamp(NamedTuple):
    """What the system says of a file.

    Attributes
    ----------
    device, inode : int
        The two that tell a file from every other one that is there.
    size : int
        In bytes.
    mtime_ns : int
        When its content was changed, in nanoseconds.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def read(cls, path: Path) -> FileStamp | None:
        """Return a file's stamp, or ``None`` where there is none to see: whoever opens the file reports that."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def check(self, path: Path) -> None:
        """Refuse, by an InputFileError, a file that was changed or replaced since; one that has gone is the same."""
        now = FileStamp.read(path)
        if now is not None and now != self:
            raise InputFileError(
                "was changed or replaced by another file while it was being segmented, so its result was not kept",
                source=path,
                remedy="Segment it again when nothing writes to it",
            )


def sample_file(path: Path) -> str | None:
    """Return a SHA-256 of parts of a file, spread evenly over it, or of all of a small one; ``None`` without a file.

    Two radiographs of one size have other pixels somewhere in these 64 KB, and so another value.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(str(size).encode())
            for number in range(_PARTS):
                file.seek(max(0, size - _PART) * number // (_PARTS - 1) if size > _PARTS * _PART else number * _PART)
                digest.update(file.read(_PART))
    except OSError:
        return None
    return digest.hexdigest()
