"""The MLflow run of a training."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from monai.handlers import MLFlowHandler
from sqlalchemy.exc import SQLAlchemyError

from monai_lungxfer.handlers.run_facts import RunFacts
from monai_lungxfer.handlers.run_store import find_database, ready_store
from monai_lungxfer.utils.errors import OutputError, find_interruption, root_cause
from monai_lungxfer.utils.files import atomic_path, hash_file

logger = logging.getLogger(__name__)

SERVER = "MLFLOW_TRACKING_URI"
"""The variable that MONAI's handler follows before its own setting."""

WEIGHTS_TAG = "lungxfer.weights_sha256"
"""The tag of a run that holds the hash of the weights that its training made."""


def _harmless(handle: Callable[..., None]) -> Callable[..., None]:
    """Let the training go on, without tracking, when MLflow fails: the weights are what counts."""

    @wraps(handle)
    def handled(self: RunTracker, *given: Any) -> None:
        if not self.is_off:
            try:
                handle(self, *given)
            except Exception as error:  # noqa: BLE001 - of MLflow, a database's driver, the network or the disk
                self._turn_off(error)

    return handled


class RunTracker(MLFlowHandler):
    """MONAI's MLflow handler, whose run belongs to one training: nobody else's of the same name is joined.

    A training that goes on is tracked in its own run, unless that has ended well. What the run knows of an epoch is not
    told again when the training comes past that epoch once more. A run whose training raises ends as FAILED instead of
    running for ever.

    When MLflow fails, by a full disk or a server that is gone, the training goes on and is tracked no longer.

    Parameters
    ----------
    run_file : str or pathlib.Path
        Where the training keeps the ID of its run.
    fresh : bool
        Begin another run, whatever the file says.
    run_id : str, optional
        A run that is open already: it is tracked in, and left open for whoever opened it.
    facts : RunFacts, optional
        What else the run is told.
    **settings
        Those of `monai.handlers.MLFlowHandler`.
    """

    def __init__(
        self,
        run_file: str | Path,
        fresh: bool = False,
        run_id: str | None = None,
        facts: RunFacts | None = None,
        **settings: Any,
    ) -> None:
        self.is_off = False
        self.run_file = Path(run_file)
        self.fresh = fresh
        self.run_id = run_id
        self.facts = facts
        try:
            ready_store(os.environ.get(SERVER) or settings.get("tracking_uri"))
            super().__init__(**_artifacts_beside_database(settings) | settings)
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, OutputError) as error:
            self._turn_off(error)
            return
        self.close_on_complete &= run_id is None
        self.cur_run: Any = None  # a Run, which MONAI does not declare
        self.experiment: Any = None
        self._last_steps: dict[str, int] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer or evaluator; before other handlers that watch for exceptions."""
        if not self.is_off:
            super().attach(engine)
            engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _turn_off(self, error: Exception) -> None:
        if (stop := find_interruption(error)) is not None:
            raise stop from error
        self.is_off = True
        # Not the message: it may repeat a path, or a server's password.
        logger.warning(
            "MLflow does not track this training from here on (%s). The training goes on. Check the server or the "
            "database (tracking_uri); epochs.csv has the figures",
            type(root_cause(error)).__name__,
        )
        logger.debug("what MLflow failed with", exc_info=error)

    @_harmless
    def start(self, engine: Engine) -> None:
        """Join or make the run."""
        if self.cur_run is None:
            self._set_experiment()
            self.cur_run = self._known_run() or self._new_run()
            # MLflow refuses other values than those that the run has, such as those of a newer version.
            self._delete_exist_param_in_dict(self.experiment_param or {})
        super().start(engine)
        if self.facts is not None:
            self.facts.tell(self.client, self.cur_run.info.run_id)

    def _known_run(self) -> Run | None:
        """Return the run that was opened elsewhere, or the one that this training began and did not end."""
        if self.run_id is not None:
            return self.client.get_run(self.run_id)
        if self.fresh or not self.run_file.is_file():
            return None
        try:
            run = self.client.get_run(self.run_file.read_text())
        except MlflowException:  # another server knows it
            return None
        return run if run.info.status != self.run_finish_status else None

    def _new_run(self) -> Run:
        run = self.client.create_run(self.experiment.experiment_id, run_name=self.run_name)
        with atomic_path(self.run_file) as temporary:
            temporary.write_text(run.info.run_id)
        return run

    def _log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        metrics = {name: value for name, value in metrics.items() if (step or 0) > self._last_step(name)}
        if metrics:
            super()._log_metrics(metrics, step)

    def _last_step(self, name: str) -> int:
        """Return the last step of a metric that the run knew when it was joined."""
        if name not in self._last_steps:
            history = self.client.get_metric_history(self.cur_run.info.run_id, name)
            self._last_steps[name] = max((point.step for point in history), default=-1)
        return self._last_steps[name]

    def _fail(self, error: Exception) -> None:
        self._end_as_failed()
        raise error

    @_harmless
    def _end_as_failed(self) -> None:
        if self.cur_run is not None and self.run_id is None:
            self.client.set_terminated(self.cur_run.info.run_id, status="FAILED")

    @_harmless
    def epoch_completed(self, engine: Engine) -> None:
        """Log the metrics of an epoch, and of a trainer the learning rate."""
        super().epoch_completed(engine)
        if (optimizer := getattr(engine, "optimizer", None)) is not None:
            self._log_metrics({"learning_rate": float(optimizer.param_groups[0]["lr"])}, engine.state.epoch)

    @_harmless
    def complete(self) -> None:
        """Say which weights the training has made."""
        super().complete()
        if self.facts is not None and self.cur_run is not None and Path(self.facts.weights).is_file():
            self.client.set_tag(self.cur_run.info.run_id, WEIGHTS_TAG, hash_file(self.facts.weights))

    iteration_completed = _harmless(MLFlowHandler.iteration_completed)
    close = _harmless(MLFlowHandler.close)


def _artifacts_beside_database(settings: dict[str, Any]) -> dict[str, str]:
    """Return the place where MONAI puts artifacts; MONAI itself forgets to decode a path with ``%23`` for ``#``."""
    file = find_database(os.environ.get(SERVER) or settings.get("tracking_uri"))
    return {} if file is None else {"artifact_location": file.with_name("mlruns").as_uri()}
