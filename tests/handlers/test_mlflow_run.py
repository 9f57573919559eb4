"""Where the MLflow run of a training keeps its artifacts; the rest is tested with the bundles."""

from __future__ import annotations

from pathlib import Path

import pytest
from monai.utils import path_to_sqlite_uri

from monai_lungxfer.handlers.mlflow_run import RunTracker


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
