"""How a study shows itself: a live table on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from monai_lungxfer.handlers.epoch_table import epoch_seconds
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.status import StepStatus, seconds_left, step_status
from monai_lungxfer.utils.progress import duration

if TYPE_CHECKING:
    from monai_lungxfer.study.execution.begin import Study
    from monai_lungxfer.study.execution.schedule import Schedule, StudyTask

INTERVAL = 1.0
LOSSES = {"train_loss": "training loss", "val_loss": "validation loss", "val_dice": "validation Dice"}


class StudyProgress:
    """Context manager that shows the repetitions, steps, epochs, losses and time left of a study on a console.

    It looks into the study's folder, where the steps write what they do, whichever process or machine runs them.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._thread = threading.Thread(target=self._look_again_and_again, daemon=True)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._steps: dict[StudyTask, StepStatus] = {}
        self._running: dict[StudyTask, float] = {}

    def __enter__(self) -> StudyProgress:
        if self._live is not None:
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._live is not None:
            self._live.stop()

    def begin(self, study: Study, schedule: Schedule) -> None:
        """Look at what there is."""
        self._plan, self._paths = study.plan, StudyPaths(study.plan.out)
        with self._lock:
            self._steps = {task: step_status(self._paths, task) for task in schedule.tasks}
        self._say(f"{study.plan.repetitions} × {len(study.steps)} steps, of which {self._count('done')} are done")

    def started(self, task: StudyTask) -> None:
        """Follow a step from now on."""
        with self._lock:
            self._running[task] = time.monotonic()

    def ended(self, task: StudyTask, error: str | None) -> None:
        """Say how a step ended."""
        with self._lock:
            self._look(task)
            del self._running[task]
            step = self._steps[task]
        if error is not None:
            self._say(f"{self._name(task)}: failed, {error}", style="red")
        else:
            self._say(f"{self._name(task)}: done in {duration(step.seconds)}; {self._summary()}")

    def _look_again_and_again(self) -> None:
        while not self._stop.wait(INTERVAL):
            with self._lock:
                for task in list(self._running):
                    self._look(task)
                if self._live is not None and self._steps:
                    self._live.update(self._table(), refresh=True)

    def _look(self, task: StudyTask) -> None:
        """Read a step's files, and tell the epochs that are new."""
        told = len(self._steps[task].epochs)
        self._steps[task] = step_status(self._paths, task)
        if self._live is None:
            for row in self._steps[task].epochs[told:]:
                losses = ", ".join(f"{said} {row[name]:.4f}" for name, said in LOSSES.items() if name in row)
                self._say(f"{self._name(task)}: epoch {self._epoch(task, row)}, {losses}, {epoch_seconds([row]):.0f} s")

    def _table(self) -> Table:
        table = Table("repetition", "step", "epoch", *LOSSES.values(), "time", title=self._summary())
        for task, since in self._running.items():
            epochs = self._steps[task].epochs
            row = epochs[-1] if epochs else {}
            losses = [f"{row[name]:.4f}" if name in row else "" for name in LOSSES]
            epoch = self._epoch(task, row) if row else "preparing"
            table.add_row(str(task.repetition + 1), task.step, epoch, *losses, duration(time.monotonic() - since))
        return table

    def _epoch(self, task: StudyTask, row: dict[str, float]) -> str:
        from monai_lungxfer.study.plan.arms import find_step

        return f"{row['epoch']:.0f}/{getattr(self._plan.stages, find_step(task.step).stage).max_epochs}"

    def _name(self, task: StudyTask) -> str:
        return f"repetition {task.repetition + 1}/{self._plan.repetitions}, {task.step}"

    def _count(self, state: str) -> int:
        return sum(step.state == state for step in self._steps.values())

    def _summary(self) -> str:
        left = seconds_left(self._steps.values(), max(1, len(self._running)))
        about = f", about {duration(left)} left" if left else ""
        failed = f", {self._count('failed')} failed" if self._count("failed") else ""
        return f"{self._count('done')} of {len(self._steps)} steps done{failed}{about}"

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
