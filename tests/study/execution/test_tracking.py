"""A study in MLflow: nested runs, lineage, nothing twice, no images; in a file and on a server that goes away."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow_servers import tracking_server
from monai.utils import path_to_sqlite_uri
from orthanc_server import free_port
from tiny_study import STAGE, killed_when, outcome, tiny_plan

from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.study.execution import step_run
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.execution.tracking import Tracking
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file

PARENT = "mlflow.parentRunId"
PARTS = {"study", "repetition-000", "repetition-000/general", "repetition-000/portable"}
ONE = {"repetitions": 1}


def runs(uri: str) -> dict[str, Run]:
    """Return the runs by their part of the study; one a part."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("lungxfer-study")
    found = client.search_runs([experiment.experiment_id])
    by_part = {run.data.tags["lungxfer.part"]: run for run in found}
    assert len(by_part) == len(found)
    return by_part


def statuses(uri: str) -> dict[str, str]:
    return {part: run.info.status for part, run in runs(uri).items()}


def assert_every_epoch_once(uri: str, epochs: int) -> None:
    client = MlflowClient(uri)
    for part, run in runs(uri).items():
        for name in ("train_loss", "val_loss", "val_dice"):
            steps = [point.step for point in client.get_metric_history(run.info.run_id, name)]
            assert steps == (list(range(1, epochs + 1)) if "/" in part else []), (part, name)


def assert_tells_no_image(uri: str, inputs: Path) -> None:
    """Nor any folder, in runs and their artifacts: any part of a path may be a name."""
    client = MlflowClient(uri)
    told = " ".join(str(run.data.to_dictionary()) + run.info.run_name for run in runs(uri).values())
    study = runs(uri)["study"].info.run_id
    for artifact in client.list_artifacts(study):
        told += Path(client.download_artifacts(study, artifact.path)).read_text()
    assert "environment.json" in [artifact.path for artifact in client.list_artifacts(study)]
    assert inputs.name not in told
    assert inputs.parent.name not in told
    for path in (inputs / "data").rglob("*.png"):
        assert path.name not in told
        assert path.stem not in told
    for stage in ("general", "portable"):
        for record in json.loads((inputs / "data" / stage / "datalist.json").read_text()):
            assert record["patient"] not in told


@pytest.fixture(scope="module")
def tracked(study_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of one repetition, tracked in its own database."""
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path_factory.mktemp("tracked"), **ONE))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
        run_study(plan)
    return plan.out


def database(study: Path) -> str:
    return path_to_sqlite_uri(study / "mlruns.db")


def test_a_server_goes_before_the_environment_and_that_before_the_studys_own_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "100 % Müller"

    def chosen(uri: str | None) -> tuple[str, str | None]:
        tracking = Tracking.of(uri, "experiment", "study", folder / "mlruns.db")
        return tracking.uri, tracking.artifacts

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert chosen(None) == (database(folder), (folder / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert chosen(None) == ("http://127.0.0.1:5000", None)
    assert chosen(f"sqlite:///{tmp_path}/other/all.db")[1] == (tmp_path / "other" / "mlruns").as_uri()


def test_runs_are_nested_and_finished(tracked: Path) -> None:
    found = runs(database(tracked))
    assert set(found) == PARTS
    assert statuses(database(tracked)) == dict.fromkeys(PARTS, "FINISHED")
    parents = {part: run.data.tags.get(PARENT) for part, run in found.items()}
    assert parents["study"] is None
    assert parents["repetition-000"] == found["study"].info.run_id
    for step in ("general", "portable"):
        assert parents[f"repetition-000/{step}"] == found["repetition-000"].info.run_id


def test_a_step_tells_its_lineage_its_data_and_its_results(tracked: Path) -> None:
    found = runs(database(tracked))
    portable, general = (found[f"repetition-000/{step}"] for step in ("portable", "general"))
    folder = tracked / "repetition-000" / "portable"
    record = json.loads((folder / "step.json").read_text())
    tags = {name.removeprefix("lungxfer."): value for name, value in portable.data.tags.items()}
    assert tags["parent"] == "general"
    assert tags["parent_run"] == general.info.run_id
    assert tags["parent_sha256"] == general.data.tags["lungxfer.weights_sha256"]
    assert tags["weights_sha256"] == hash_file(folder / "models" / "model.pt")
    for name in ("split", "data", "version"):
        assert tags[name] == record[name]
    assert tags["environment.torch"] == record["environment"]["torch"]
    assert record["mlflow_run"] == portable.info.run_id
    params = portable.data.params
    assert (params["seed"], params["batch_size"], params["max_epochs"], params["threads"]) == ("0", "4", "3", "1")
    assert params["network_def/init_features"] == "4"
    report = json.loads((folder / "independent.json").read_text())
    assert portable.data.metrics["independent/DICE"] == report["all"]["DICE"]["mean"]
    assert portable.data.metrics["before/DICE"] == general.data.metrics["independent/DICE"]
    assert "system/cpu_utilization_percentage" in portable.data.metrics
    assert_every_epoch_once(database(tracked), 3)
    repetition, study = (found[part].data.metrics for part in ("repetition-000", "study"))
    summary = report["all"]["DICE"]
    name = "portable/independent/DICE"
    assert (repetition[f"{name}_mean"], repetition[f"{name}_sd"]) == (summary["mean"], summary["std"])
    means = [found[f"repetition-00{r}"].data.metrics[f"{name}_mean"] for r in (0, 1) if f"repetition-00{r}" in found]
    assert study[f"{name}_mean"] == pytest.approx(sum(means) / len(means))


def test_the_studys_run_has_its_plan_and_environment(tracked: Path) -> None:
    client, study = MlflowClient(database(tracked)), runs(database(tracked))["study"]
    assert {file.path for file in client.list_artifacts(study.info.run_id)} == {"plan.yaml", "environment.json"}
    kept = client.download_artifacts(study.info.run_id, "plan.yaml")
    plan = StudyPlan.from_file(tracked).model_dump(mode="json")
    assert yaml.safe_load(Path(kept).read_text()) == redact_paths(plan) != plan
    facts = json.loads((tracked / "study.json").read_text())
    assert study.data.tags["lungxfer.data.portable"] == facts["data"]["portable"]
    assert study.data.tags["lungxfer.donor_sha256"] == facts["donor"]


def test_no_image_and_no_patient_is_told(tracked: Path, study_inputs: Path) -> None:
    assert_tells_no_image(database(tracked), study_inputs)


def test_a_failure_ends_the_runs_around_it_as_failed_and_its_message_stays_here(
    monkeypatch: pytest.MonkeyPatch, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **ONE))

    def fail(job: Any) -> None:
        raise ValueError("images/Jane_Doe.png is odd")

    with monkeypatch.context() as patched:
        patched.setattr(step_run, "measure_step", fail)
        assert run_study(plan).failed == {(0, "general"): "ValueError: images/Jane_Doe.png is odd"}
    uri = database(plan.out)
    parts = ("study", "repetition-000", "repetition-000/general")
    assert statuses(uri) == dict.fromkeys(parts, "FAILED")
    assert runs(uri)["repetition-000/general"].data.tags["lungxfer.error"] == "ValueError"
    assert "Jane" not in str([run.data.to_dictionary() for run in runs(uri).values()])
    run_study(plan)
    assert statuses(uri) == dict.fromkeys(PARTS, "FINISHED")
    assert "lungxfer.error" not in runs(uri)["repetition-000/general"].data.tags
    assert_every_epoch_once(uri, 3)


@pytest.mark.slow
def test_runs_that_a_kill_left_open_are_closed_or_gone_on_with(study_inputs: Path, tmp_path: Path) -> None:
    plan, study = tiny_plan(study_inputs, tmp_path, **ONE), tmp_path / "study"
    uri = database(study)
    killed_when(plan, study / "repetition-000" / "portable" / "models" / "resume.pt", uri)
    left = dict.fromkeys(PARTS, "RUNNING") | {"repetition-000/general": "FINISHED"}
    assert statuses(uri) == left
    facts = json.loads((study / "study.json").read_text())
    tracking = Tracking(uri, "lungxfer-study", facts["id"])
    tracking.settle(lambda part: part == "repetition-000")
    assert statuses(uri) == {
        "study": "FAILED",
        "repetition-000": "FINISHED",
        "repetition-000/general": "FINISHED",
        "repetition-000/portable": "FAILED",
    }
    run_study(StudyPlan.from_file(plan), uri)
    assert statuses(uri) == dict.fromkeys(PARTS, "FINISHED")
    assert runs(uri)["repetition-000/portable"].data.tags["lungxfer.starts"] == "2"
    assert_every_epoch_once(uri, 3)


def test_a_repetition_that_another_ones_failure_stops_ends_as_failed(
    monkeypatch: pytest.MonkeyPatch, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, parent="best", repetitions=3))
    original = step_run.train_stage

    def fail(stage: Any, data: Any, folder: Any, *others: Any) -> Any:
        if folder.path.match("repetition-001/general"):
            raise ValueError("no")
        return original(stage, data, folder, *others)

    monkeypatch.setattr(step_run, "train_stage", fail)
    assert len(run_study(plan).blocked) == 3
    failed = ("study", "repetition-000", "repetition-001", "repetition-001/general", "repetition-002")
    done = ("repetition-000/general", "repetition-002/general")
    assert statuses(database(plan.out)) == dict.fromkeys(failed, "FAILED") | dict.fromkeys(done, "FINISHED")


def test_a_signal_to_end_leaves_the_runs_killed(study_inputs: Path, tmp_path: Path) -> None:
    """Like Ctrl-C, or SIGTERM as the command line takes it: an exception from outside."""
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **ONE))

    class Interrupting:
        def begin(self, *_: Any) -> None: ...

        def started(self, *_: Any) -> None: ...

        def ended(self, *_: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(plan, watcher=Interrupting())
    killed = {"study": "KILLED", "repetition-000": "KILLED", "repetition-000/general": "FINISHED"}
    assert statuses(database(plan.out)) == killed


def test_what_mlflow_refuses_is_said_with_a_remedy(tmp_path: Path) -> None:
    tracking = Tracking.of(database(tmp_path), "experiment", "study", tmp_path / "mlruns.db")
    refused = pytest.raises(LungXferError, match=r"mlruns\.db: .*--tracking-uri")
    with refused:
        tracking.note("0" * 32, {"split": "x"})
    with refused:
        tracking.close("0" * 32, "FINISHED")
    with refused:
        tracking.keep("0" * 32, {}, "plan.yaml")


def test_settings_that_add_to_what_is_there_are_parameters_too(tmp_path: Path) -> None:
    tracking = Tracking.of(f"sqlite:///{tmp_path}/mlruns.db", "experiment", "study", tmp_path / "unused.db")
    run = tracking.open("part", "name")
    settings = {"+train#handlers": [1], "train#handlers#0#_disabled_": True, "train#+random_transforms": [], "seed": 0}
    for _ in range(2):  # again after an interruption
        tracking.note(run, params=settings)
    assert tracking.client.get_run(run).data.params == {
        "_train/handlers": "[1]",
        "train/handlers/0/_disabled_": "True",
        "train/_random_transforms": "[]",
        "seed": "0",
    }


def test_a_run_whose_machine_cannot_be_watched_ends_as_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no such counter")

    monkeypatch.setattr("monai_lungxfer.study.execution.tracking.SystemMetricsMonitor.start", fail)
    tracking = Tracking.of(database(tmp_path), "lungxfer-study", "study", tmp_path / "mlruns.db")
    with pytest.raises(RuntimeError, match="no such counter"), tracking.running("general", "general", None):
        pass
    assert statuses(database(tmp_path)) == {"general": "FAILED"}


@pytest.mark.slow
def test_a_server_that_goes_away_and_comes_back_costs_nothing_but_time(
    undisturbed: Path, study_inputs: Path, tmp_path: Path
) -> None:
    port = free_port()
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **ONE))
    sign = plan.out / "repetition-000" / "general" / "models" / "resume.pt"

    def disturb(server: ExitStack) -> None:
        while not sign.exists():
            time.sleep(0.01)
        server.close()
        time.sleep(1)
        server.enter_context(tracking_server(tmp_path, port))

    with ExitStack() as server:
        uri = server.enter_context(tracking_server(tmp_path, port))
        disturbance = threading.Thread(target=disturb, args=(server,))
        disturbance.start()
        end = run_study(plan, uri)
        disturbance.join()
        assert (len(end.done), end.failed) == (2, {})
        assert statuses(uri) == dict.fromkeys(PARTS, "FINISHED")
        assert_every_epoch_once(uri, 3)
        assert_tells_no_image(uri, study_inputs)
    artifacts = {path.name for path in (tmp_path / "artifacts").rglob("*") if path.is_file()}
    assert artifacts == {"plan.yaml", "environment.json", "configuration.yaml"}
    first = {name: value for name, value in outcome(undisturbed).items() if name.startswith("repetition-000")}
    assert outcome(plan.out) == first


def test_a_server_that_is_not_there_stops_the_study_before_it_trains(
    monkeypatch: pytest.MonkeyPatch, study_inputs: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, stages={"general": STAGE, "portable": STAGE}))
    with pytest.raises(LungXferError, match=r"127\.0\.0\.1:9: MLflow cannot be reached"):
        run_study(plan, "http://127.0.0.1:9")
    assert not list(plan.out.glob("repetition-*"))
