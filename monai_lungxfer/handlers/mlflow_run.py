"""The MLflow run of a training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ignite.engine import Engine, Events
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from monai.handlers import MLFlowHandler

from monai_lungxfer.utils.files import atomic_path

_SQLITE = "sqlite:///"


class RunTracker(MLFlowHandler):
    """MONAI's MLflow handler, whose run belongs to one training: nobody else's of the same name is joined.

    A training that goes on is tracked in its own run, unless that has ended well. What the run knows of an epoch is not
    told again when the training comes past that epoch once more. A run whose training raises ends as FAILED instead of
    running for ever.

    Parameters
    ----------
    run_file : str or pathlib.Path
        Where the training keeps the ID of its run.
    fresh : bool
        Begin another run, whatever the file says.
    run_id : str, optional
        A run that is open already: it is tracked in, and left open for whoever opened it.
    **settings
        Those of `monai.handlers.MLFlowHandler`.
    """

    def __init__(self, run_file: str | Path, fresh: bool = False, run_id: str | None = None, **settings: Any) -> None:
        super().__init__(**_artifacts_beside_database(settings) | settings)
        self.run_file = Path(run_file)
        self.fresh = fresh
        self.run_id = run_id
        self.close_on_complete &= run_id is None
        self.cur_run: Any = None  # a Run, which MONAI does not declare
        self.experiment: Any = None
        self._last_steps: dict[str, int] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer or evaluator; before other handlers that watch for exceptions."""
        super().attach(engine)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def start(self, engine: Engine) -> None:
        """Join or make the run."""
        if self.cur_run is None:
            self._set_experiment()
            self.cur_run = self._known_run() or self._new_run()
            # MLflow refuses other values than those that the run has, such as those of a newer version.
            self._delete_exist_param_in_dict(self.experiment_param or {})
        super().start(engine)

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
        if self.cur_run is not None and self.run_id is None:
            self.client.set_terminated(self.cur_run.info.run_id, status="FAILED")
        raise error


def _artifacts_beside_database(settings: dict[str, Any]) -> dict[str, str]:
    """Return the place where MONAI puts artifacts; MONAI itself forgets to decode a path with ``%23`` for ``#``."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or settings.get("tracking_uri") or ""
    if not uri.startswith(_SQLITE):
        return {}
    return {"artifact_location": (Path(unquote(uri.removeprefix(_SQLITE))).absolute().parent / "mlruns").as_uri()}
