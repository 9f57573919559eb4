"""Writing files and folders so that a crash or a full disk never leaves half of one under its final name."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.temporary import NEW, OLD, temporary_file, temporary_folder, tidy


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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(target.parent, target.suffix) as temporary:
            # The mode that the system gives to new files here is read from one, since the umask can only be read by
            # setting it, for all threads of the process.
            mode = stat.S_IMODE(temporary.stat().st_mode)
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(mode)  # a writer may have put another file there
            temporary.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error


def write_text(target: str | Path, text: str) -> None:
    """Write a text file in UTF-8, all or nothing."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove_leftovers(targets: Iterable[Path]) -> None:
    """Remove what killed processes left in the folders of these files; see `monai_lungxfer.utils.temporary`."""
    for folder in {target.parent for target in targets}:
        tidy(folder)


@contextmanager
def staged_folder(target: Path, *, overwrite: bool = False, mark: str | Path | None = None) -> Iterator[Path]:
    """Give a temporary folder beside `target` that becomes `target` when the block ends without an error.

    Parameters
    ----------
    target : pathlib.Path
        The final folder; an empty one may be there.
    overwrite : bool
        Whether a folder that holds `mark` is replaced. Any other never is.
    mark : str or pathlib.Path, optional
        A file, relative to the folder, by which a folder that was written before is known.

    Yields
    ------
    pathlib.Path
        The folder to write to.

    Raises
    ------
    OutputError
        When there is a folder that is not to be replaced, or something cannot be written. Nothing is left behind, and
        what was there before stays.
    """
    tidy(target.parent)  # of a process that was killed as it replaced `target`: what was there is put back
    _check_target(target, overwrite, mark)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target.parent, replaces=target.name) as temporary:
            new = temporary / NEW
            new.mkdir()
            yield new
            if hasattr(os, "sync"):
                os.sync()  # a loss of power after the renaming must not leave empty files
            _check_target(target, overwrite, mark)  # again: another process may have written it meanwhile
            if target.exists():
                target.replace(temporary / OLD)
            new.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error


def find_folder(folder: Path) -> bool:
    """Tell whether a folder is there; one whose replacing was killed half-way is put back first."""
    if not folder.exists():
        tidy(folder.parent)
    return folder.is_dir()


def _check_target(target: Path, overwrite: bool, mark: str | Path | None) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError("is a file", source=target, remedy="Choose another folder")
    if not any(target.iterdir()):
        return
    if mark is None or not (target / mark).is_file():
        raise OutputError("holds other files already", source=target, remedy="Choose another folder")
    if not overwrite:
        raise OutputError(
            "is there already", source=target, remedy="Choose another folder, or allow it to be replaced (--overwrite)"
        )


def unwritable(target: str | Path, error: OSError) -> OutputError:
    """Return the error to raise for a file or folder that the system would not write."""
    return OutputError(
        f"cannot be written ({_reason(error)})",
        source=target,
        remedy="Free space on the disk or choose another output folder; nothing was left half-written",
    )


def _reason(error: OSError) -> str:
    if error.strerror:
        return error.strerror
    # `shutil.copytree` gathers a text for every file and folder: on a full disk, the same one for nearly all.
    gathered = isinstance(error, shutil.Error) and isinstance(error.args[0], list)
    text = str(error.args[0][0][2] if gathered else error)
    numbered = re.match(r"\[Errno (\d+)\]", text)
    return os.strerror(int(numbered[1])) if numbered else text


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
