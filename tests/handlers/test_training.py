"""Handlers by themselves; how they work together is tested with the bundles."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine

from monai_lungxfer.handlers.training import EarlyStop, EpochSeed


def drawn(seed: int, epochs: int) -> list[tuple[float, float, float]]:
    """What training that draws from all generators draws in its last epoch."""
    values: list[tuple[float, float, float]] = []
    engine = Engine(lambda *_: values.append((random.random(), float(np.random.rand()), float(torch.rand(())))))
    EpochSeed(seed).attach(engine)
    engine.run([1, 2], max_epochs=epochs)
    return values[-2:]


def test_an_epoch_draws_the_same_whatever_came_before() -> None:
    third = drawn(0, 3)
    torch.rand(5)
    assert drawn(0, 3) == third
    assert drawn(0, 2) != third
    assert drawn(1, 3) != third


def test_data_sets_are_told_the_epoch() -> None:
    told: list[int] = []
    engine = Engine(lambda *_: None)
    EpochSeed(0, [SimpleNamespace(set_epoch=told.append)]).attach(engine)
    engine.run([1], max_epochs=3)
    assert told == [1, 2, 3]


def test_early_stop_needs_its_trainer_and_keeps_its_counter() -> None:
    stop = EarlyStop(patience=3, score_function=lambda engine: -engine.state.metrics["val_loss"])
    with pytest.raises(RuntimeError, match="set_trainer"):
        stop.state_dict()
    stop.set_trainer(Engine(lambda *_: None))
    evaluator = SimpleNamespace(state=SimpleNamespace(metrics={"val_loss": 0.5}))
    for _ in range(3):
        stop(evaluator)  # type: ignore[arg-type]
    other = EarlyStop(patience=3, score_function=lambda engine: 0.0)
    other.set_trainer(Engine(lambda *_: None))
    other.load_state_dict(stop.state_dict())
    assert other.state_dict()["counter"] == 2
    assert other.state_dict()["best_score"] == -0.5
