"""The schedule goes on where it was, by the settings that it has now."""

from __future__ import annotations

import torch

from monai_lungxfer.schedules import PlateauSchedule


def schedule(**settings: float) -> PlateauSchedule:
    parameter = torch.nn.Parameter(torch.zeros(1))
    return PlateauSchedule(torch.optim.Adam([parameter], lr=1.0), **settings)


def test_a_resumed_schedule_keeps_its_counter_and_takes_the_new_settings() -> None:
    first = schedule(patience=5, factor=0.5)
    for loss in (0.3, 0.4, 0.4):
        first.step(loss)
    second = schedule(patience=2, factor=0.1)
    second.load_state_dict(first.state_dict())
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
    rest.load_state_dict(part.state_dict())
    rest.optimizer.load_state_dict(part.optimizer.state_dict())
    for loss, rate in zip(losses[5:], rates[5:], strict=True):
        rest.step(loss)
        assert rest.get_last_lr()[0] == rate
    assert rates[-1] < rates[0]
