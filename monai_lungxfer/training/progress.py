"""How training shows itself: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from ignite.engine import Engine, Events
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """Context manager that shows the epochs, losses and time left of a training.

    Parameters
    ----------
    title : str
        What is being trained.
    console : rich.console.Console
        Where to; a bar when it is a terminal, else one line an epoch.
    """

    def __init__(self, title: str, console: Console) -> None:
        self.title = title
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.progress.add_task(title, total=None, losses="preparing")
        self.started = time.monotonic()

    def __enter__(self) -> TrainingProgress:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.progress.stop()

    def watch(self, trainer: Engine, evaluator: Engine) -> None:
        """Follow a trainer, and show what its evaluator found after each epoch."""
        trainer.add_event_handler(Events.STARTED, self._start)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._report, evaluator)

    def _start(self, engine: Engine) -> None:
        total = (engine.state.max_epochs or 0) * (engine.state.epoch_length or 0)
        self.progress.update(self.task, total=total, completed=engine.state.iteration, losses="")
        self.started = time.monotonic()

    def _advance(self, engine: Engine) -> None:
        self.progress.update(self.task, completed=engine.state.iteration)

    def _report(self, engine: Engine, evaluator: Engine) -> None:
        metrics = engine.state.metrics | evaluator.state.metrics
        losses = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self.progress.update(self.task, losses=f"epoch {engine.state.epoch}: {losses}")
        if not self.console.is_terminal:
            seconds = time.monotonic() - self.started
            self.console.print(
                f"{self.title}: epoch {engine.state.epoch}/{engine.state.max_epochs}, {losses}, {seconds:.0f} s"
            )
