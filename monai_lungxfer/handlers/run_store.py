"""The database of MLflow's runs: made whole or not at all, and set aside when it is broken."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from monai.utils import path_to_sqlite_uri
from sqlalchemy import Engine, event

from monai_lungxfer.utils.files import unwritable
from monai_lungxfer.utils.locks import hold_lock
from monai_lungxfer.utils.temporary import lock_beside, temporary_folder

logger = logging.getLogger(__name__)

SQLITE = "sqlite:///"

_NOT_SOUND = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def find_database(uri: str | None) -> Path | None:
    """Return the SQLite file of a tracking URI, absolute, or ``None`` for a server."""
    if uri is None or not uri.startswith(SQLITE) or uri == SQLITE:
        return None
    return Path(unquote(uri.removeprefix(SQLITE))).absolute()


def ready_store(uri: str | None, *, mend: bool = True) -> None:
    """Make the SQLite database of a tracking URI where it is missing. A broken one is renamed, with a warning.

    MLflow makes its tables in many steps. A process that is killed meanwhile leaves a database that MLflow never opens
    again. So the tables are made in a temporary folder, from which the file is moved at the end. A database that
    another process has locked, or that an older MLflow made, is left as it is. Other URIs are left to MLflow.

    Parameters
    ----------
    uri : str, optional
        Of a tracking server or a database.
    mend : bool
        Whether a broken one is renamed. Otherwise it is left to MLflow, as one that holds more than figures should be.

    Raises
    ------
    sqlite3.Error
        When the database cannot be opened now, since it is locked or may not be read.
    OutputError
        When the database cannot be written, as on a full disk. Nothing is left of it.
    """
    file = find_database(uri)
    if file is None:
        return
    with hold_lock(lock_beside(file), "another process makes this database", "Wait until it has ended", wait=True):
        is_there = file.exists() and file.stat().st_size > 0
        if is_there and mend and not _is_sound(file):
            aside = file.with_name(f"{file.stem}.broken-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
            file.replace(aside)
            logger.warning("MLflow's database was broken, and is %s now; a new one is begun", aside.name)
            is_there = False
        if not is_there:
            _make(file)


def _is_sound(file: Path) -> bool:
    """Tell whether a database holds MLflow's tables; MLflow makes the first experiment after all of them."""
    try:
        with closing(sqlite3.connect(file)) as database:
            (told,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if told != "ok" or "experiments" not in tables:
                return False
            return database.execute("SELECT 1 FROM experiments LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith(_NOT_SOUND):
            return False
        raise


def _make(file: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    try:
        with temporary_folder(file.parent) as folder:  # not a file, since SQLite locks it and makes another beside it
            made = folder / file.name
            with _unsynchronised(made):
                store = SqlAlchemyStore(path_to_sqlite_uri(made), file.with_name("mlruns").as_uri())
                store.engine.dispose()
            with made.open("rb") as written:
                os.fsync(written.fileno())
            made.replace(file)
    except OSError as error:
        raise unwritable(file, error) from error


@contextmanager
def _unsynchronised(file: Path) -> Iterator[None]:
    """Let SQLite not wait for the disk at each of the many steps that make this file; it is flushed as a whole."""

    def hurry(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            (_, _, name) = connection.execute("PRAGMA database_list").fetchone()
            if name == str(file):
                connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)
