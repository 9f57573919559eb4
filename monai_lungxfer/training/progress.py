"""How training shows itself: a line an epoch, and on a terminal live bars below."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events
from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn

from monai_lungxfer.utils.progress import duration, progress_bar

logger = logging.getLogger(__name__)

SILENCE = 60.0
"""Seconds of a long epoch after which a line tells how far it is, where no bar does."""


class TrainingProgress:
    """Context manager that shows the epochs, batches, losses, speed and time left of the training named by `title`.

    The console gets one line an epoch; on a terminal also bars, elsewhere one line a minute within longer epochs.
    """

    def __init__(self, title: str, console: Console) -> None:
        self.title = title
        self.console = console
        self.bars = progress_bar(console, MofNCompleteColumn(), TextColumn("{task.fields[told]}", markup=False))
        self.epoch = self.bars.add_task("preparing", total=None, told="")
        self.training = self.bars.add_task("epochs", total=None, told="", visible=False)
        self.begun = self.epoch_begun = self.last_line = 0.0
        self.first_epoch = self.images = 0

    def __enter__(self) -> TrainingProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def watch(self, trainer: Engine, evaluator: Engine) -> None:
        """Follow a trainer, and show what its evaluator found after each epoch."""
        trainer.add_event_handler(Events.STARTED, self._start)
        trainer.add_event_handler(Events.EPOCH_STARTED, self._start_epoch)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._advance)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._end_epoch, evaluator)
        evaluator.add_event_handler(Events.STARTED, self._validate)

    def _start(self, engine: Engine) -> None:
        self.begun, self.first_epoch = time.monotonic(), engine.state.epoch
        self.bars.update(self.training, total=engine.state.max_epochs, completed=engine.state.epoch, visible=True)

    def _start_epoch(self, engine: Engine) -> None:
        self.epoch_begun = self.last_line = time.monotonic()
        self.images = 0
        named = f"epoch {engine.state.epoch}/{engine.state.max_epochs}"
        self.bars.update(self.epoch, description=named, total=engine.state.epoch_length, completed=0, told="")

    def _advance(self, engine: Engine) -> None:
        now, length = time.monotonic(), engine.state.epoch_length or 0
        batch = engine.state.iteration - (engine.state.epoch - 1) * length
        self.images += _count_images(engine.state.batch)
        seconds = max(now - self.epoch_begun, 1e-9)
        each = seconds / max(batch, 1)
        told = f"{self.images / seconds:.3g} images/s, {duration(each * (length - batch))} left"
        self.bars.update(self.epoch, completed=batch, told=told)
        if engine.state.epoch == self.first_epoch + 1:  # no epoch has ended yet, by which to judge
            left = each * (length * (engine.state.max_epochs or 1) - engine.state.iteration)
            self.bars.update(self.training, told=f"at most {duration(left)} left")
        if now - self.last_line > SILENCE and batch < length:
            self.last_line = now
            self._say(
                f"{self._epoch(engine)}, batch {batch}/{length}, {told} of the epoch",
                shown=not self.console.is_terminal,
            )

    def _validate(self) -> None:
        self.bars.update(self.epoch, told="validating")

    def _end_epoch(self, engine: Engine, evaluator: Engine) -> None:
        metrics = engine.state.metrics | evaluator.state.metrics
        losses = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        now, epoch = time.monotonic(), engine.state.epoch
        left = (now - self.begun) / max(epoch - self.first_epoch, 1) * ((engine.state.max_epochs or epoch) - epoch)
        ahead = f", at most {duration(left)} left" if left else ""
        self.bars.update(self.training, completed=epoch, told=ahead.lstrip(", "))
        self._say(f"{self._epoch(engine)}, {losses}, {now - self.epoch_begun:.0f} s{ahead}")

    def _epoch(self, engine: Engine) -> str:
        return f"{self.title}: epoch {engine.state.epoch}/{engine.state.max_epochs}"

    def _say(self, line: str, shown: bool = True) -> None:
        """Write a line to the log file, if there is one, and to the console."""
        logger.info(line, extra={"file_only": True})
        if shown:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _count_images(batch: Any) -> int:
    """Return how many images a batch of MONAI's or any other engine has."""
    tensor = batch.get("image", ()) if isinstance(batch, Mapping) else batch
    return len(tensor) if hasattr(tensor, "__len__") else 1
