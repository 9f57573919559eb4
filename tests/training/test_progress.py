"""How training shows itself."""

from __future__ import annotations

from io import StringIO

from ignite.engine import Engine
from rich.console import Console

from monai_lungxfer.training.progress import TrainingProgress


def shown(terminal: bool) -> str:
    stream = StringIO()
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    evaluator.state.metrics["val_loss"] = 0.25
    with TrainingProgress("general", Console(file=stream, force_terminal=terminal, width=200)) as progress:
        progress.watch(trainer, evaluator)
        trainer.run([1, 2, 3], max_epochs=2)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_every_epoch_is_a_line() -> None:
    lines = shown(terminal=False).splitlines()
    assert [line.split(",")[0] for line in lines] == ["general: epoch 1/2", "general: epoch 2/2"]
    assert all("val_loss 0.2500" in line for line in lines)


def test_on_a_terminal_there_is_a_bar_that_ends_full() -> None:
    text = shown(terminal=True)
    assert "6/6" in text
    assert "epoch 2: val_loss 0.2500" in text
