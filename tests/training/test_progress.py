"""How training shows itself."""

from __future__ import annotations

import logging
from io import StringIO
from itertools import count
from types import SimpleNamespace

import pytest
from ignite.engine import Engine
from rich.console import Console

from monai_lungxfer.training import progress as module
from monai_lungxfer.training.progress import TrainingProgress


def shown(terminal: bool) -> str:
    stream = StringIO()
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    evaluator.state.metrics["val_loss"] = 0.25
    batches = [{"image": [0] * 4}] * 3
    with TrainingProgress("general", Console(file=stream, force_terminal=terminal, width=100)) as progress:
        progress.watch(trainer, evaluator)
        trainer.run(batches, max_epochs=2)
        progress.bars.refresh()
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_every_epoch_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = shown(terminal=False).splitlines()
    assert [line.split(",")[0] for line in lines] == ["general: epoch 1/2", "general: epoch 2/2"]
    assert all("val_loss 0.2500" in line for line in lines)
    assert "at most" in lines[0]
    assert "at most" not in lines[1]
    assert [record.getMessage() for record in caplog.records if record.name == module.__name__] == lines


def test_a_long_epoch_is_told_of_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 40)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "general: epoch 1/2, batch 2/3, 0.1 images/s, 40 s left of the epoch"
    assert [line.split(",")[0] for line in lines] == [f"general: epoch {epoch}/2" for epoch in (1, 1, 2, 2)]


def test_on_a_terminal_there_are_bars_within_and_over_the_epochs() -> None:
    text = shown(terminal=True)
    assert "epoch 2/2" in text
    assert "3/3" in text
    assert "images/s" in text
    assert "val_loss 0.2500" in text
    assert [line for line in text.splitlines() if "general: epoch 2/2, val_loss 0.2500, 0 s" in line]


def test_nothing_is_shown_on_a_quiet_console() -> None:
    stream = StringIO()
    with TrainingProgress("general", Console(file=stream, quiet=True)) as progress:
        trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
        progress.watch(trainer, evaluator)
        trainer.run([1], max_epochs=1)
    assert stream.getvalue() == ""
