"""The SQLite file of a DICOM node: its schema, changes that reach the disk together, and a clock that never steps."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from monai_lungxfer.utils.errors import LungXferError, OutputError

T = TypeVar("T")

SCHEMA_VERSION = 1

_BUSY = 30  # seconds to wait for another process, such as `--retry`, that writes
_SCHEMA = """
CREATE TABLE spool (salt BLOB NOT NULL);
CREATE TABLE radiographs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL UNIQUE,       -- name in the spool; none is made from what a sender says
    instance TEXT NOT NULL,          -- hash of the SOP Instance UID
    version INTEGER NOT NULL,        -- 1, and more for other contents under that UID
    content TEXT NOT NULL,           -- hash of pixels and patient
    accession TEXT NOT NULL,         -- hash of the Accession Number
    source TEXT NOT NULL,            -- store, watch or poll
    state TEXT NOT NULL,             -- received, segmented, done, failed or left out
    in_work INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,  -- how often the process ended while it was in work
    received_at REAL NOT NULL,
    segmented_at REAL,
    done_at REAL,                    -- also of what failed or was left out
    model TEXT,
    flags TEXT,
    reason TEXT,
    has_files INTEGER NOT NULL DEFAULT 1,
    UNIQUE (instance, version)
);
CREATE INDEX by_state ON radiographs (state, in_work, id);
CREATE INDEX by_end ON radiographs (done_at);
CREATE TABLE deliveries (
    radiograph INTEGER NOT NULL REFERENCES radiographs (id) ON DELETE CASCADE,
    destination TEXT NOT NULL,
    state TEXT NOT NULL,             -- waiting, delivered or dead
    tries INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL,
    delay REAL NOT NULL DEFAULT 0,   -- seconds before next_at, which is never further away
    delivered_at REAL,
    reason TEXT,
    PRIMARY KEY (radiograph, destination)
) WITHOUT ROWID;
CREATE INDEX by_due ON deliveries (destination, state, next_at);
CREATE TABLE fetched (instance TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""


class SteadyClock:
    """Seconds since 1970 by the system's clock as it was at the start; later steps of that clock do not show."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Return the time now."""
        return self._offset + time.monotonic()


class _Change(Generic[T]):
    """A change that waits to be made, and then what it returned or raised."""

    def __init__(self, make: Callable[[sqlite3.Connection], T]) -> None:
        self._make = make
        self._result: T
        self.error: BaseException | None = None
        self.is_done = False

    def apply(self, connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT change")
        try:
            self._result = self._make(connection)
        except Exception as error:  # noqa: BLE001 - it is raised where the change was asked for
            self.error = error
            connection.execute("ROLLBACK TO change")
        connection.execute("RELEASE change")

    @property
    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self._result


class Database:
    """An open journal file. Threads may use it at the same time.

    `change` returns when the change is on the disk. Changes of several threads that meet are one transaction, so a
    burst costs few flushes of the disk.

    Parameters
    ----------
    file : pathlib.Path
        Is made where it is missing.

    Raises
    ------
    LungXferError
        When it was made by a later version, or is damaged.
    OutputError
        When it cannot be written.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._queue: deque[_Change[Any]] = deque()
        self._writing, self._reading = threading.Lock(), threading.Lock()
        with self._explained():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._prepare()
            self._reader = self._connect()
            self.salt: bytes = self.read("SELECT salt FROM spool")[0]["salt"]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _prepare(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            self._writer.execute("ROLLBACK")
            raise LungXferError(
                f"the journal was made by a later version (its schema is {version}, known are up to {SCHEMA_VERSION})",
                source=self.file,
                remedy="Install that version again, or use another spool folder",
            )
        if version < 1:
            for statement in _SCHEMA.split(";\n"):
                self._writer.execute(statement)
            self._writer.execute("INSERT INTO spool VALUES (?)", (secrets.token_bytes(16),))
            self._writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._writer.execute("COMMIT")

    def change(self, make: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change, and return what `make` returns when it is on the disk; OutputError is raised when it is not.

        What `make` raises undoes its change alone.
        """
        wanted = _Change(make)
        self._queue.append(wanted)
        with self._writing:
            if not wanted.is_done:
                self._commit()
        return wanted.result

    def _commit(self) -> None:
        changes = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            with self._explained():
                self._writer.execute("BEGIN IMMEDIATE")
                for change in changes:
                    change.apply(self._writer)
                self._writer.execute("COMMIT")
        except OutputError as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for change in changes:
                change.error = error
        finally:
            for change in changes:
                change.is_done = True

    def read(self, query: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows that a query finds."""
        with self._reading, self._explained():
            return self._reader.execute(query, tuple(values)).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    @contextmanager
    def _explained(self) -> Any:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise OutputError(
                f"the journal cannot be read or written ({error})",
                source=self.file,
                remedy="Free space on the disk, and check who may write there",
            ) from error
