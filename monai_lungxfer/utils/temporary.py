"""Temporary files and folders beside results, which are known as such, and removed when their process is gone.

Each is locked by the process that makes it. So whatever has such a name and is not locked is a leftover.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows, where nothing here is locked, and leftovers stay
    fcntl = None  # type: ignore[assignment]

TEMPORARY = ".lungxfer-"
"""What the names of all temporary files and folders begin with."""

_NAME = re.compile(rf"{re.escape(TEMPORARY)}[0-9a-f]{{8}}(\.[^.]*)?")
_OWNER = "owner"  # the file of a folder that is locked; it holds the name of the folder that is replaced
NEW, OLD = "new", "old"
"""Names, in a temporary folder, of what is to come to a place, and of what was there."""

_MOST_TIDIED = 1000  # folders that are remembered: a server makes one for each result, for years
_tidied: set[Path] = set()


@contextmanager
def temporary_file(folder: Path, suffix: str = "") -> Iterator[Path]:
    """Make an empty file for as long as the block runs, unless it is renamed meanwhile.

    It has to be written in place: another file of its name would not be locked.
    """
    _tidy_once(folder)
    while True:
        path = folder / f"{TEMPORARY}{secrets.token_hex(4)}{suffix}"
        descriptor = _claim(path)
        if descriptor is not None:
            break
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        _give_up(descriptor)


@contextmanager
def temporary_folder(parent: Path, replaces: str = "") -> Iterator[Path]:
    """Make an empty folder for as long as the block runs, which only its user may enter.

    Parameters
    ----------
    parent : pathlib.Path
        The folder to make it in.
    replaces : str
        The name of a folder in `parent` that may be moved to `OLD` in the temporary one, as another takes its place. It
        is moved back when the block ends before that, or by the next `tidy` when the process was killed.
    """
    tidy(parent)
    while True:
        folder = parent / f"{TEMPORARY}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        with suppress(FileNotFoundError):  # an empty folder may be taken for a leftover
            descriptor = _claim(folder / _OWNER, replaces)
            if descriptor is not None:
                break
    try:
        yield folder
    finally:
        try:
            if _put_back(folder, replaces):
                _remove_folder(folder)
        finally:
            _give_up(descriptor)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make an empty folder among the system's temporary files, for as long as the block runs."""
    with temporary_folder(Path(tempfile.gettempdir())) as folder:
        scratch = folder / NEW
        scratch.mkdir()
        yield scratch


def _claim(path: Path, text: str = "") -> int | None:
    """Make a file and lock it; ``None`` when it was taken for a leftover before it was locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    _lock(descriptor)
    if not _is_at(descriptor, path):
        os.close(descriptor)
        return None
    os.write(descriptor, text.encode())
    if fcntl is None:
        os.close(descriptor)  # or Windows would not let it be renamed
        return -1
    return descriptor


def _lock(descriptor: int) -> bool:
    """Lock an open file; false when another process holds the lock, or where files have no locks."""
    with suppress(OSError, AttributeError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _give_up(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def lock_beside(target: Path) -> Path:
    """Return the name of a lock on the making of a file or folder, which `tidy` removes when its process was killed."""
    return target.with_name(f"{TEMPORARY}{hashlib.sha256(target.name.encode()).hexdigest()[:8]}.lock")


def tidy(folder: Path) -> None:
    """Remove the temporary files and folders of processes that are gone, and put back what they had moved away.

    What another process is writing stays. Nothing is done in a folder that is not there, or may not be changed.
    """
    with suppress(OSError):
        for path in [Path(entry.path) for entry in os.scandir(folder) if _NAME.fullmatch(entry.name)]:
            with suppress(OSError):
                _remove(path)


def _tidy_once(folder: Path) -> None:
    """Tidy a folder when this process begins to write there: a look at each write would cost more than the write."""
    if folder not in _tidied:
        if len(_tidied) >= _MOST_TIDIED:
            _tidied.clear()
        _tidied.add(folder)
        tidy(folder)


def _remove(path: Path) -> None:
    is_folder = path.is_dir() and not path.is_symlink()
    try:
        descriptor = os.open(path / _OWNER if is_folder else path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        path.rmdir()  # of a process that was killed as it made or removed it; one that is not empty stays
        return
    try:
        if not _lock(descriptor):
            return
        if not is_folder:
            path.unlink(missing_ok=True)
        elif _put_back(path, os.read(descriptor, 4096).decode()):
            _remove_folder(path)
    finally:
        os.close(descriptor)


def _put_back(folder: Path, name: str) -> bool:
    """Put a folder back that was moved away and not replaced; tell whether nothing is left that is still needed."""
    old, target = folder / OLD, folder.parent / name
    if not old.exists() or target.exists():
        return True
    if not name or Path(name).name != name:
        return False
    old.rename(target)
    return True


def _remove_folder(folder: Path) -> None:
    """Remove a temporary folder, its lock last: a folder without one is empty."""
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        elif entry.name != _OWNER:
            Path(entry.path).unlink(missing_ok=True)
    with suppress(OSError):
        (folder / _OWNER).unlink()
        folder.rmdir()
