"""The database of MLflow's runs: made whole or not at all, and set aside when it is broken."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock
from monai.utils import path_to_sqlite_uri

from monai_lungxfer.utils.files import atomic_path

logger = logging.getLogger(__name__)

SQLITE = "sqlite:///"

_NOT_SOUND = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def find_database(uri: str | None) -> Path | None:
    """Return the SQLite file of a tracking URI, absolute, or ``None`` for a server."""
    if uri is None or not uri.startswith(SQLITE) or uri == SQLITE:
        return None
    return Path(unquote(uri.removeprefix(SQLITE))).absolute()


def ready_store(uri: str | None) -> None:
    """Make the SQLite database of a tracking URI where it is missing. A broken one is renamed, with a warning.

    MLflow makes its tables in many steps. A process that is killed meanwhile leaves a database that MLflow never opens
    again. So the tables are made in a temporary file, which gets its name at the end. A database that another process
    has locked, or that an older MLflow made, is left as it is. Other URIs are left to MLflow.

    Parameters
    ----------
    uri : str, optional
        Of a tracking server or a database.

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
    with _lock(file):
        is_there = file.exists() and file.stat().st_size > 0
        if is_there and not _is_sound(file):
            aside = file.with_name(f"{file.stem}.broken-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
            file.replace(aside)
            logger.warning("MLflow's database was broken, and is %s now; a new one is begun", aside.name)
            is_there = False
        if not is_there:
            _make(file)


def _lock(file: Path) -> FileLock:
    """Return a lock against other processes that make this file; it lies where no user looks for results."""
    name = hashlib.sha256(str(file).encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir(), f"monai_lungxfer-{name}.lock"))


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

    with atomic_path(file) as temporary:
        store = SqlAlchemyStore(path_to_sqlite_uri(temporary), file.with_name("mlruns").as_uri())
        store.engine.dispose()
