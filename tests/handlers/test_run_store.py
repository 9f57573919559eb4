"""A database of runs that a kill or a damage left unusable does not stop anybody."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels.initial_models import Base
from monai.utils import path_to_sqlite_uri
from sqlalchemy import create_engine

from monai_lungxfer.handlers.run_store import ready_store
from monai_lungxfer.utils.errors import OutputError


def half_made(file: Path) -> None:
    """What a kill leaves: the first tables, and nothing in them."""
    engine = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    engine.dispose()


def cut(file: Path) -> None:
    ready_store(path_to_sqlite_uri(file))
    file.write_bytes(file.read_bytes()[:9000])


def no_database(file: Path) -> None:
    file.write_bytes(b"not a database at all" * 100)


def add_run(file: Path) -> str:
    client = MlflowClient(path_to_sqlite_uri(file))
    return client.create_run(client.create_experiment("ward")).info.run_id


@pytest.mark.parametrize("break_it", [half_made, cut, no_database])
def test_a_broken_database_is_set_aside(break_it, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "mlruns.db"
    break_it(file)
    before = file.read_bytes()
    ready_store(path_to_sqlite_uri(file))
    (aside,) = tmp_path.glob("mlruns.broken-*.db")
    assert aside.read_bytes() == before
    assert "database was broken" in caplog.text
    assert add_run(file)


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_new_database_is_whole_from_the_start(is_empty: bool, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "mlruns.db"
    if is_empty:
        file.parent.mkdir()
        file.touch()
    ready_store(path_to_sqlite_uri(file))
    with closing(sqlite3.connect(file)) as database:
        location = database.execute("SELECT artifact_location FROM experiments").fetchone()[0]
    assert location == (file.parent / "mlruns" / "0").as_uri()
    assert [path.name for path in file.parent.iterdir()] == ["mlruns.db"]


def test_runs_that_are_there_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "mlruns.db"
    run = add_run(file)
    with caplog.at_level(logging.WARNING):
        ready_store(path_to_sqlite_uri(file))
    assert MlflowClient(path_to_sqlite_uri(file)).get_run(run).info.run_id == run
    assert "monai_lungxfer" not in {record.name.partition(".")[0] for record in caplog.records}


def test_a_locked_database_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mlruns.db"
    ready_store(path_to_sqlite_uri(file))
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0))
    with closing(connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            ready_store(path_to_sqlite_uri(file))
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns.db"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        ready_store(path_to_sqlite_uri(tmp_path / "file" / "mlruns.db"))


@pytest.mark.parametrize("uri", [None, "", "http://127.0.0.1:5000", "sqlite:///"])
def test_servers_are_left_to_mlflow(uri: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ready_store(uri)
    assert not list(tmp_path.iterdir())
