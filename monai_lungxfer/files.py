"""Writing files so that a crash or a full disk never leaves half a file under its final name."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_lungxfer.errors import OutputError

__all__ = ["atomic_path", "sha256_of", "unwritable"]


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `target` that becomes `target` when the block ends without an error.

    The temporary file keeps the suffix of the target, since writers choose the format by it. It is flushed to
    the disk before the rename, so that a loss of power leaves the old file or the new one.

    Parameters
    ----------
    target : str or pathlib.Path
        The final path; missing parent folders are made.

    Yields
    ------
    pathlib.Path
        The path to write to.

    Raises
    ------
    OutputError
        When the file cannot be written (disk full, no permission, …). Nothing is left behind.
    """
    target = Path(target)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp's files are private, results are not
        temporary.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def unwritable(target: str | Path, error: OSError) -> OutputError:
    """Return the error to raise for a file or folder that the system would not write."""
    return OutputError(
        f"cannot be written ({error.strerror or error})",
        source=target,
        remedy="Free space on the disk or choose another output folder; nothing was left half-written",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
