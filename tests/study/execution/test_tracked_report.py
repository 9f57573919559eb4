"""A report in MLflow: one run for an output folder, with numbers and files, and without paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from monai.utils import path_to_sqlite_uri

from monai_lungxfer.study.execution.tracked_report import ReportTracker

PLAN = {"weights": ["donor", "random"], "data": {"cxr": "(a path)"}, "limit": 8}


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return path_to_sqlite_uri(tmp_path_factory.mktemp("store") / "runs.db")


@pytest.mark.filterwarnings("ignore")
def test_a_folder_has_one_run_which_is_continued(uri: str, tmp_path: Path) -> None:
    out = tmp_path / "Smith"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "scores.csv").write_text("score\n0.5\n")
    (out / "page.html").write_text("<p>")
    track = ReportTracker("features", uri, "reports", PLAN)
    with pytest.raises(ZeroDivisionError), track(out):
        _ = 1 / 0
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("reports")
    assert experiment is not None
    (failed,) = client.search_runs([experiment.experiment_id])
    assert failed.info.status == "FAILED"
    with track(out) as log:
        log({"score/cxr/donor+": 0.5, "nothing": float("nan")}, [out / "tables" / "scores.csv", out / "page.html"])
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_id, run.info.status) == (failed.info.run_id, "FINISHED")
    assert run.data.params == {"weights": "donor, random", "data": "cxr", "limit": "8"}
    numbers = {name: value for name, value in run.data.metrics.items() if not name.startswith("system/")}
    assert numbers == {"score/cxr/donor_": 0.5}
    names = {one.path for folder in ("", "tables") for one in client.list_artifacts(run.info.run_id, folder)}
    assert names == {"plan.yaml", "environment.json", "page.html", "tables", "tables/scores.csv"}
    assert "Smith" not in f"{run.data.to_dictionary()} {run.info.run_name}"


def test_nothing_is_logged_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for uri in (None, ""):
        with ReportTracker("features", uri, "reports", PLAN)(tmp_path) as log:
            log({"score": 1.0}, [])
    assert not list(tmp_path.iterdir())
