"""A folder that appears as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_lungxfer.errors import OutputError
from monai_lungxfer.files import unwritable

__all__ = ["staged_folder"]


@contextmanager
def staged_folder(target: Path, *, overwrite: bool = False, mark: str | None = None) -> Iterator[Path]:
    """Give a temporary folder beside `target` that becomes `target` when the block ends without an error.

    Parameters
    ----------
    target : pathlib.Path
        The final folder; an empty one may be there.
    overwrite : bool
        Whether a folder that holds `mark` is replaced. Any other never is.
    mark : str, optional
        A file by which a folder that was written before is known.

    Yields
    ------
    pathlib.Path
        The folder to write to.

    Raises
    ------
    OutputError
        When there is a folder that is not to be replaced, or something cannot be written. Nothing is left behind.
    """
    _check_target(target, overwrite, mark)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        new = temporary / "new"
        new.mkdir()
        yield new
        if hasattr(os, "sync"):
            os.sync()  # a loss of power after the renaming must not leave empty files
        if target.exists():
            target.rename(temporary / "old")
        new.rename(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _check_target(target: Path, overwrite: bool, mark: str | None) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError("is a file", source=target, remedy="Choose another folder")
    if not any(target.iterdir()):
        return
    if mark is None or not (target / mark).is_file():
        raise OutputError("holds other files already", source=target, remedy="Choose another folder")
    if not overwrite:
        raise OutputError("is there already", source=target, remedy="Choose another folder, or allow overwriting")
