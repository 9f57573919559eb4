"""Locks that keep two processes from writing into one place; the system lifts them when a process dies."""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import unwritable

if TYPE_CHECKING:
    from filelock import BaseFileLock

logger = logging.getLogger(__name__)

LOCK_NAME = ".lungxfer.lock"
"""The lock of an output folder."""

_REMEDY = "Wait until that run has ended, or choose another folder (--out). If it was killed, the lock is gone too"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def lock_output(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder while the block runs; the folder is made when it is missing.

    Raises
    ------
    LungXferError
        When another process holds it; the message says which, on which machine, and since when.
    OutputError
        When the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():  # for the command to refuse in its own words
        yield
        return
    with hold_lock(folder / LOCK_NAME, "another run writes into this folder", _REMEDY):
        yield


@contextmanager
def lock_replacement(folder: Path) -> Iterator[None]:
    """Do the same for a folder that is written beside its place, and put there as a whole: the lock lies beside it."""
    with hold_lock(folder.with_name(f".{folder.name}{LOCK_NAME}"), "another run writes this folder", _REMEDY, folder):
        yield


@contextmanager
def hold_lock(
    lock: Path, problem: str, remedy: str, source: Path | None = None, *, wait: bool = False
) -> Iterator[None]:
    """Hold a lock while the block runs, which no other process can hold meanwhile.

    The folder of the lock's file is made when it is missing, and the file is removed in the end. `problem`, with what
    is known of the holder, `remedy`, and `source`, by default that folder, are those of the LungXferError that is
    raised when another process holds it; with `wait`, the block runs when that process has ended or died.
    Where the file system knows no locks, a warning says so, and the block runs without one.
    """
    from filelock import FileLock, Timeout  # whose import takes as long as that of all this package's files

    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        if wait:
            _wait_for(held, problem)
        else:
            held.acquire(timeout=0)
    except Timeout:
        raise LungXferError(problem + _holder(lock), source=source or lock.parent, remedy=remedy) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _UNSUPPORTED:
            raise unwritable(source or lock.parent, error) from error
        logger.warning("The output folder cannot be locked here: let no second run write into it")
    else:
        _sign(lock)
    try:
        yield
    finally:
        if held.is_locked and os.name == "posix":
            with suppress(OSError):
                lock.unlink()  # while it is locked: who opened this file before sees that it has no name any more
        held.release()


def _wait_for(held: BaseFileLock, problem: str) -> None:
    from filelock import Timeout

    try:
        held.acquire(timeout=0)
    except Timeout:
        logger.warning("%s%s; waiting for it", problem[:1].upper() + problem[1:], _holder(Path(held.lock_file)))
        held.acquire()


def _sign(lock: Path) -> None:
    """Write into a lock's file who holds it, for the message to others; without that, it is as good a lock."""
    now = datetime.now(UTC).isoformat(" ", "seconds")
    with suppress(OSError):  # a full disk, or Windows, which lets nobody write there
        lock.write_text(json.dumps({"process": os.getpid(), "machine": platform.node(), "since": now}))


def _holder(lock: Path) -> str:
    """Return who holds a lock, as the end of a sentence, or nothing where that cannot be read."""
    try:
        values = json.loads(lock.read_text(encoding="utf-8"))
        return f": process {values['process']} on {values['machine']}, since {values['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
