"""The table of epochs, by itself; that a resume leaves every epoch once is tested with the bundles."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events

from monai_lungxfer.handlers.epoch_table import EPOCH_COLUMNS, EpochTable, epoch_seconds


class Times:
    """A trainer that validates every second epoch, halves its learning rate after each, and takes given times."""

    def __init__(self, path: Path) -> None:
        self.trainer, self.evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
        self.trainer.state.rank = 0
        self.trainer.optimizer = SimpleNamespace(param_groups=[{"lr": 1.0}])
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self.finish)
        self.evaluator.add_event_handler(Events.EPOCH_COMPLETED, self.measure)
        self.table = EpochTable(path, self.evaluator)  # type: ignore[arg-type]
        self.table.attach(self.trainer)  # type: ignore[arg-type]

    def finish(self, engine: Engine) -> None:
        engine.state.metrics["train_loss"] = 1 / engine.state.epoch
        engine.optimizer.param_groups[0]["lr"] /= 2
        engine.state.times["EPOCH_COMPLETED"] = 7.0
        if engine.state.epoch % 2 == 0:
            self.evaluator.run([1])

    def measure(self, engine: Engine) -> None:
        engine.state.metrics.update(val_loss=0.5, val_dice=0.75)
        engine.state.times["EPOCH_COMPLETED"] = 3.0


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_epoch_is_a_row_with_its_own_values(tmp_path: Path) -> None:
    times = Times(tmp_path / "epochs.csv")
    times.trainer.run([1], max_epochs=2)
    first, second = rows(tmp_path / "epochs.csv")
    assert tuple(first) == EPOCH_COLUMNS
    assert first == dict(zip(EPOCH_COLUMNS, ["1", "1.0", "", "", "1.0", "7.0", ""], strict=True))
    assert second == dict(zip(EPOCH_COLUMNS, ["2", "0.5", "0.5", "0.75", "0.5", "7.0", "3.0"], strict=True))


def test_an_epoch_that_is_trained_again_after_an_interruption_stands_there_once(tmp_path: Path) -> None:
    before = Times(tmp_path / "epochs.csv")
    before.trainer.run([1], max_epochs=1)
    kept = {"rows": [dict(row) for row in before.table.state_dict()["rows"]]}
    before.trainer.run([1], max_epochs=2)  # what was trained since the state was kept is lost
    after = Times(tmp_path / "epochs.csv")
    after.table.load_state_dict(kept)
    after.trainer.state.epoch, after.trainer.state.max_epochs = 1, 3
    after.trainer.state.epoch_length = 1
    after.trainer.run([1])
    assert [row["epoch"] for row in rows(tmp_path / "epochs.csv")] == ["1", "2", "3"]


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    times = Times(tmp_path / "epochs.csv")
    times.trainer.state.rank = 1
    times.trainer.run([1], max_epochs=1)
    assert not (tmp_path / "epochs.csv").exists()


def test_seconds_are_those_of_the_passes(tmp_path: Path) -> None:
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    trainer.state.rank = 0
    trainer.optimizer = SimpleNamespace(param_groups=[{"lr": 1.0}])
    table = EpochTable(tmp_path / "epochs.csv", evaluator)  # type: ignore[arg-type]
    table.attach(trainer)  # type: ignore[arg-type]
    trainer.run([1], max_epochs=1)
    assert float(rows(tmp_path / "epochs.csv")[0]["train_seconds"]) == pytest.approx(0, abs=0.5)


def test_seconds_are_those_of_training_and_of_validation_where_there_was_one() -> None:
    assert epoch_seconds([{"train_seconds": 7.0}, {"train_seconds": 6.0, "val_seconds": 3.0}]) == 16.0
    assert epoch_seconds([]) == 0
