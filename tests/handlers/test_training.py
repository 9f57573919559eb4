"""Handlers by themselves; how they work together is tested with the bundles."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.optimizers import WarmupCosineSchedule
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from monai_lungxfer.handlers.training import EpochSeed, resume_schedule


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


def schedule(**settings: float) -> ReduceLROnPlateau:
    parameter = torch.nn.Parameter(torch.zeros(1))
    return ReduceLROnPlateau(torch.optim.Adam([parameter], lr=1.0), **settings)


def test_a_resumed_schedule_keeps_its_counter_and_takes_the_new_settings() -> None:
    first = schedule(patience=5, factor=0.5)
    for loss in (0.3, 0.4, 0.4):
        first.step(loss)
    second = schedule(patience=2, factor=0.1)
    resume_schedule(second, first.state_dict())
    assert (second.best, second.num_bad_epochs, second.last_epoch) == (0.3, 2, 3)
    second.step(0.4)
    assert second.optimizer.param_groups[0]["lr"] == 0.1


def test_with_the_same_settings_it_goes_on_as_if_it_had_not_stopped() -> None:
    losses = [0.5, 0.4, 0.45, 0.44, 0.43, 0.42, 0.5, 0.5, 0.5]
    whole = schedule(patience=2, factor=0.5)
    rates = []
    for loss in losses:
        whole.step(loss)
        rates.append(whole.get_last_lr()[0])
    part = schedule(patience=2, factor=0.5)
    for loss in losses[:5]:
        part.step(loss)
    rest = schedule(patience=2, factor=0.5)
    resume_schedule(rest, part.state_dict())
    rest.optimizer.load_state_dict(part.optimizer.state_dict())
    for loss, rate in zip(losses[5:], rates[5:], strict=True):
        rest.step(loss)
        assert rest.get_last_lr()[0] == rate
    assert rates[-1] < rates[0]


def cosine(epochs: int) -> WarmupCosineSchedule:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], lr=1.0)
    return WarmupCosineSchedule(optimizer, warmup_steps=2, t_total=epochs, end_lr=0.001, warmup_multiplier=0.1)


def rates(schedule: WarmupCosineSchedule, epochs: int) -> list[float]:
    """The rates that the optimizer has in the coming epochs."""
    found = []
    for _ in range(epochs):
        found.append(schedule.optimizer.param_groups[0]["lr"])
        schedule.optimizer.step()
        schedule.step()
    return found


def test_the_cosine_warms_up_and_falls() -> None:
    expected = [0.1, 0.55] + [0.5 * (1 + math.cos(math.pi * step / 8)) for step in range(8)] + [0.001]
    assert rates(cosine(10), 11) == pytest.approx(expected)


@pytest.mark.parametrize("done", [1, 2, 5])
def test_a_resumed_cosine_goes_on_as_if_it_had_not_stopped(done: int) -> None:
    whole, part, rest = cosine(10), cosine(10), cosine(10)
    expected = rates(whole, 10)[done:]
    rates(part, done)
    rest.optimizer.load_state_dict(part.optimizer.state_dict())
    resume_schedule(rest, part.state_dict())
    assert rest.get_last_lr() == part.get_last_lr()
    assert rates(rest, 10 - done) == expected


def test_a_prolonged_cosine_falls_to_the_new_end() -> None:
    """A finished one, too: with the old length it would rise from there."""
    part, rest = cosine(10), cosine(20)
    rates(part, 10)
    rest.optimizer.load_state_dict(part.optimizer.state_dict())
    resume_schedule(rest, part.state_dict())
    assert rates(rest, 10) == rates(cosine(20), 20)[10:]
    assert rest.get_last_lr() == [0.001]


def test_other_schedules_take_over_all_of_their_state() -> None:
    first, second = (StepLR(torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))]), size) for size in (3, 5))
    resume_schedule(second, first.state_dict())
    assert second.state_dict() == first.state_dict()
