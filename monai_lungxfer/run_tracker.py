"""The MLflow run of a training."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import MLFlowHandler

__all__ = ["RunTracker"]


class RunTracker(MLFlowHandler):
    """MONAI's MLflow handler; a run whose training raises ends as FAILED instead of running for ever.

    Parameters
    ----------
    run_id : str, optional
        A run that is open already: it is tracked in, and left open for whoever opened it. What it knows of an epoch
        is not told again when a training that was interrupted comes past that epoch once more.
    **settings
        Those of `monai.handlers.MLFlowHandler`.
    """

    def __init__(self, run_id: str | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.run_id = run_id
        self._last_steps: dict[str, int] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer or evaluator; before other handlers that watch for exceptions."""
        super().attach(engine)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def start(self, engine: Engine) -> None:
        """Join or make the run."""
        if self.run_id is not None and self.cur_run is None:
            self.cur_run = run = self.client.get_run(self.run_id)
            known = run.data.params  # MLflow refuses other values, such as those of a newer version
            self.experiment_param = {
                name: value for name, value in (self.experiment_param or {}).items() if name not in known
            }
        super().start(engine)

    def close(self) -> None:
        """Close the run, unless it was opened elsewhere."""
        if self.run_id is None:
            super().close()

    def _log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        if self.run_id is not None:
            metrics = {name: value for name, value in metrics.items() if (step or 0) > self._last_step(name)}
        if metrics:
            super()._log_metrics(metrics, step)

    def _last_step(self, name: str) -> int:
        """Return the last step of a metric that the run knew when it was joined."""
        if name not in self._last_steps:
            history = self.client.get_metric_history(self.run_id, name)
            self._last_steps[name] = max((point.step for point in history), default=-1)
        return self._last_steps[name]

    def _fail(self, error: Exception) -> None:
        if self.cur_run is not None and self.run_id is None:
            self.client.set_terminated(self.cur_run.info.run_id, status="FAILED")
        raise error
