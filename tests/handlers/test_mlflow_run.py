"""A training goes on whatever MLflow does; what a run holds is tested with the bundles."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events
from mlflow import MlflowClient
from monai.utils import path_to_sqlite_uri
from sqlalchemy.exc import PendingRollbackError

from monai_lungxfer.handlers.mlflow_run import RunTracker


def tracked_training(tmp_path: Path, uri: str, epochs: int = 3) -> tuple[Engine, RunTracker]:
    trainer = Engine(lambda *_: [{"loss": 0.5}])
    tracker = RunTracker(
        tmp_path / "mlflow_run", tracking_uri=uri, experiment_name="ward", run_name="one", close_on_complete=True
    )
    trainer.optimizer = SimpleNamespace(param_groups=[{"lr": 0.1}])
    tracker.attach(trainer)
    trainer.state.max_epochs = epochs
    return trainer, tracker


def damage(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DROP TABLE runs")


def test_a_training_is_tracked_to_its_end(tmp_path: Path) -> None:
    uri = path_to_sqlite_uri(tmp_path / "mlruns.db")
    trainer, tracker = tracked_training(tmp_path, uri)
    trainer.run([0], max_epochs=3)
    assert not tracker.is_off
    assert MlflowClient(uri).get_run((tmp_path / "mlflow_run").read_text()).info.status == "FINISHED"


def test_a_database_that_breaks_meanwhile_does_not_end_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, on = tmp_path / "mlruns.db", []
    trainer, tracker = tracked_training(tmp_path, path_to_sqlite_uri(file))
    trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), lambda _: on.append(tracker.is_off))
    trainer.add_event_handler(Events.EPOCH_STARTED(once=2), lambda _: damage(file))
    assert trainer.run([0], max_epochs=3).epoch == 3
    assert (on, tracker.is_off) == ([False], True)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("monai_lungxfer")]
    assert len(told) == 1
    assert "does not track this training" in told[0]
    assert str(tmp_path) not in told[0]


def test_a_server_that_is_not_there_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    trainer, tracker = tracked_training(tmp_path, "http://127.0.0.1:9")
    assert trainer.run([0], max_epochs=3).epoch == 3
    assert tracker.is_off
    assert "does not track this training" in caplog.text


def test_ctrl_c_that_a_library_hid_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise PendingRollbackError

    monkeypatch.setattr("monai_lungxfer.handlers.mlflow_run.ready_store", interrupted)
    with pytest.raises(KeyboardInterrupt):
        RunTracker(tmp_path / "mlflow_run", tracking_uri=path_to_sqlite_uri(tmp_path / "mlruns.db"))


def test_a_training_that_raises_still_does_and_its_run_failed(tmp_path: Path) -> None:
    uri = path_to_sqlite_uri(tmp_path / "mlruns.db")
    trainer, tracker = tracked_training(tmp_path, uri)

    def fail(_: Engine) -> None:
        raise ZeroDivisionError

    trainer.add_event_handler(Events.EPOCH_STARTED(once=2), fail)
    with pytest.raises(ZeroDivisionError):
        trainer.run([0], max_epochs=3)
    run = (tmp_path / "mlflow_run").read_text()
    assert MlflowClient(uri).get_run(run).info.status == "FAILED"
    assert not tracker.is_off


def test_a_setting_that_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="filesystem"):
        RunTracker(tmp_path / "mlflow_run", tracking_uri=str(tmp_path))


@pytest.mark.parametrize("name", ["run", "run#B", "a b", "%x"])
def test_artifacts_lie_beside_the_database(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    database = tmp_path / name / "mlruns.db"
    database.parent.mkdir(exist_ok=True)
    tracker = RunTracker(tmp_path / "run_id", tracking_uri=path_to_sqlite_uri(database), experiment_name="e")
    tracker._set_experiment()
    assert database.is_file()
    assert tracker.experiment.artifact_location == (tmp_path / name / "mlruns").as_uri()


def test_a_place_that_is_given_is_kept(tmp_path: Path) -> None:
    uri = path_to_sqlite_uri(tmp_path / "mlruns.db")
    assert RunTracker(tmp_path / "x", tracking_uri=uri, artifact_location="file:///y").artifact_location == "file:///y"
