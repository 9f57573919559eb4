"""One row for every epoch of a training: losses, learning rate, and how long training and validation took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines import Trainer, Workflow

from monai_lungxfer.utils.csv_tables import read_rows, write_rows
from monai_lungxfer.utils.errors import LungXferError

EPOCH_COLUMNS = ("epoch", "train_loss", "val_loss", "val_dice", "learning_rate", "train_seconds", "val_seconds")
VALIDATED = ("val_loss", "val_dice")


class EpochTable:
    """Ignite handler that writes a CSV file with a row an epoch.

    Make it one of the objects of a `ResumePoint` and attach it before that: a training that is
    interrupted and resumed then has every epoch once. Cells of what was not measured, such as the validation of an
    epoch without one, are empty. Seconds are those of the passes over the images, without what is written between.

    Parameters
    ----------
    path : str or pathlib.Path
        The CSV file, replaced atomically; its columns are `EPOCH_COLUMNS`.
    evaluator : monai.engines.Workflow
        Whose metrics `val_loss` and `val_dice` are kept.
    """

    def __init__(self, path: str | Path, evaluator: Workflow) -> None:
        self.path = Path(path)
        self.evaluator = evaluator
        self.rows: list[dict[str, float]] = []
        self._validation: dict[str, float] = {}
        self._learning_rate = 0.0

    def attach(self, engine: Trainer) -> None:
        """Attach to the trainer, after the handler that validates."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        self.evaluator.add_event_handler(Events.EPOCH_COMPLETED, self._validated)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _start(self, engine: Any) -> None:
        self._validation = {}
        self._learning_rate = engine.optimizer.param_groups[0]["lr"]  # before the schedule changes it

    def _validated(self, engine: Workflow) -> None:
        self._validation = {
            name: float(engine.state.metrics[name]) for name in VALIDATED if name in engine.state.metrics
        }
        self._validation["val_seconds"] = engine.state.times[Events.EPOCH_COMPLETED.name]

    def __call__(self, engine: Workflow) -> None:
        """Add the epoch that has just been completed, and write the file."""
        row = {"epoch": engine.state.epoch, "learning_rate": self._learning_rate}
        if "train_loss" in engine.state.metrics:
            row["train_loss"] = float(engine.state.metrics["train_loss"])
        row["train_seconds"] = engine.state.times[Events.EPOCH_COMPLETED.name]
        self.rows.append(row | self._validation)
        if engine.state.rank == 0:
            write_rows(self.path, EPOCH_COLUMNS, self.rows)

    def state_dict(self) -> Mapping[str, Any]:
        """Return the rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the rows of the part of the training before."""
        self.rows = [dict(row) for row in state_dict["rows"]]


def read_epochs(path: str | Path) -> list[dict[str, float]]:
    """Read a table of epochs; what was not measured is left out, and a training that has not begun has none.

    LungXferError is raised when it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        return []
    try:
        return [{name: float(value) for name, value in row.items() if value} for row in read_rows(path)]
    except (OSError, ValueError) as error:
        remedy = "Restore it, or remove the folder that it lies in and repeat the training"
        raise LungXferError(f"is not a table of epochs ({type(error).__name__})", source=path, remedy=remedy) from error


def epoch_seconds(rows: Iterable[Mapping[str, float]]) -> float:
    """Return how long training and validation of some epochs took together, rows as `read_epochs` gives them."""
    return sum(row["train_seconds"] + row.get("val_seconds", 0.0) for row in rows)
