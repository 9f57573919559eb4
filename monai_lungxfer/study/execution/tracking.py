"""A study in MLflow: one run for the study, one below it for each repetition, one below that for each step."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from mlflow.utils.time import get_current_time_millis
from monai.utils import path_to_sqlite_uri
from sqlalchemy.exc import SQLAlchemyError

from monai_lungxfer.handlers.run_store import find_database, ready_store
from monai_lungxfer.utils.errors import LungXferError, root_cause

STUDY, PART, STARTS, ERROR = "lungxfer.study", "lungxfer.part", "lungxfer.starts", "lungxfer.error"
SERVER = "MLFLOW_TRACKING_URI"
NOT_IN_NAMES = re.compile(r"[^/\w.\- ]")
"""What MLflow refuses in a parameter's name, such as the + by which MONAI adds to a list."""


@dataclass(frozen=True)
class Tracking:
    """Where a study is tracked; small enough to travel to other processes.

    A part of the study has one run for good. When it is started again after an interruption, it continues in this run.

    Attributes
    ----------
    uri : str
        Of a tracking server or a database.
    experiment, study : str
        Name of the experiment, which several studies may share, and the study's identity.
    artifacts : str or None
        URI of the folder for artifacts; None leaves it to the server.
    """

    uri: str
    experiment: str
    study: str
    artifacts: str | None = None

    @classmethod
    def of(cls, uri: str | None, experiment: str, study: str, database: Path) -> Tracking:
        """Return the tracking at `uri`, else where the environment says, else in a database in the study's folder."""
        uri = uri or os.environ.get(SERVER) or path_to_sqlite_uri(database)
        file = find_database(uri)  # absolute, since Ray's workers start in folders of their own
        if file is None:
            return cls(uri, experiment, study)
        # Beside the database, as MONAI's handler has it; MLflow itself would take the folder that it is started in.
        return cls(path_to_sqlite_uri(file), experiment, study, (file.parent / "mlruns").as_uri())

    @property
    def client(self) -> MlflowClient:
        """MLflow's client; MLflow itself keeps the connection."""
        return MlflowClient(self.uri)

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
            raise LungXferError(
                f"MLflow cannot be reached, or refuses ({error})",
                source=self.uri,
                remedy="Start the server or name another (--tracking-uri), and go on with the study",
            ) from error

    def prepare(self) -> None:
        """Make the database where it is missing or broken, see `monai_lungxfer.handlers.run_store.ready_store`."""
        with self._own_errors():
            ready_store(self.uri)

    def experiment_id(self) -> str:
        """Return the identity of the experiment, which is made when it is missing.

        A `LungXferError` is raised when the server or database cannot be reached, or the experiment was deleted.
        """
        with self._own_errors():
            found = self.client.get_experiment_by_name(self.experiment)
            if found is None:
                return self.client.create_experiment(self.experiment, artifact_location=self.artifacts)
        if found.lifecycle_stage != "active":
            raise LungXferError(
                f"the experiment {self.experiment!r} was deleted there",
                source=self.uri,
                remedy="Restore it (mlflow experiments restore), or give the plan another experiment",
            )
        return found.experiment_id

    def runs(self, part: str | None = None, status: str | None = None) -> list[Run]:
        """Return the study's runs, of one part or with one status."""
        tags = {STUDY: self.study} | ({PART: part} if part else {})
        wanted = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
        wanted += [f"attributes.status = '{status}'"] if status else []
        experiment = self.experiment_id()
        runs: list[Run] = []
        page = None
        with self._own_errors():
            while page is None or page.token:
                token = page and page.token
                page = self.client.search_runs([experiment], " and ".join(wanted), max_results=1000, page_token=token)
                runs += page
        return runs

    def settle(self, is_done: Callable[[str], bool]) -> None:
        """Close what a study that was killed left RUNNING: parts that are done as FINISHED, others as FAILED."""
        for run in self.runs(status="RUNNING"):
            self.close(run.info.run_id, "FINISHED" if is_done(run.data.tags[PART]) else "FAILED")

    def open(self, part: str, name: str, parent: str | None = None) -> str:
        """Open the run of a part, such as "repetition-000/general", anew or again, and return its identity.

        MLflow shows it by its `name`, below the run whose identity is `parent`.
        """
        known = self.runs(part)
        with self._own_errors():
            if known:
                run = known[0].info.run_id
                self.client.update_run(run, status="RUNNING")
                self.client.set_tag(run, STARTS, int(known[0].data.tags[STARTS]) + 1)
                if ERROR in known[0].data.tags:  # of the attempt before
                    self.client.delete_tag(run, ERROR)
                return run
            tags = {STUDY: self.study, PART: part, STARTS: "1"} | ({MLFLOW_PARENT_RUN_ID: parent} if parent else {})
            return self.client.create_run(self.experiment_id(), tags=tags, run_name=name).info.run_id

    def close(self, run: str, status: str) -> None:
        """End a run as FINISHED, FAILED, or (from outside) KILLED."""
        with self._own_errors():
            self.client.set_terminated(run, status)

    def keep(self, run: str, content: Mapping[str, Any], file: str) -> None:
        """Keep a mapping as an artifact of a run, JSON or YAML by the file's name."""
        with self._own_errors():
            self.client.log_dict(run, dict(content), file)

    def keep_files(self, run: str, files: Iterable[Path], folder: Path) -> None:
        """Keep files below a folder as artifacts of a run, in the same places."""
        with self._own_errors():
            for file in files:
                place = file.relative_to(folder).parent.as_posix()
                self.client.log_artifact(run, str(file), None if place == "." else place)

    def note(
        self,
        run: str,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Write tags, named `lungxfer.…`, parameters that the run does not have yet, and metrics.

        A setting's name becomes that of a parameter: "/" for "#", "_" for what MLflow does not allow.
        """
        now = get_current_time_millis()
        given = {NOT_IN_NAMES.sub("_", key.replace("#", "/")): str(value) for key, value in (params or {}).items()}
        with self._own_errors():
            known = self.client.get_run(run).data.params
            self.client.log_batch(
                run,
                metrics=[Metric(NOT_IN_NAMES.sub("_", name), value, now, 0) for name, value in (metrics or {}).items()],
                params=[Param(name, value) for name, value in given.items() if name not in known],
                tags=[RunTag(f"lungxfer.{key}", str(tag)) for key, tag in (tags or {}).items() if tag is not None],
            )

    @contextmanager
    def running(self, part: str, name: str, parent: str | None) -> Iterator[str]:
        """Open a part's run for as long as the block takes, log the machine's metrics, and close it by how it ends."""
        run = self.open(part, name, parent)
        status = "KILLED"
        # MONAI's handler would follow the variable and not its own setting.
        elsewhere = os.environ.pop(SERVER, None)
        try:
            with self._monitored(run):
                yield run
            status = "FINISHED"
        except Exception as error:
            status = "FAILED"
            with self._own_errors():
                self.client.set_tag(run, ERROR, type(root_cause(error)).__name__)  # the message may name a file
            raise
        finally:
            if elsewhere is not None:
                os.environ[SERVER] = elsewhere
            self.close(run, status)

    @contextmanager
    def _monitored(self, run: str) -> Iterator[None]:
        with self._own_errors():
            monitor = SystemMetricsMonitor(run, resume_logging=True, tracking_uri=self.uri)
            monitor.start()
        try:
            yield
        finally:
            monitor.finish()
