"""Schedules of the learning rate."""

from __future__ import annotations

from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

__all__ = ["PlateauSchedule"]

_PROGRESS = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "_last_lr")


class PlateauSchedule(ReduceLROnPlateau):
    """PyTorch's schedule, whose settings are those of the configuration also when a training is resumed.

    Its parent takes factor, patience and threshold from the state that it loads, so that a change of the
    configuration between two parts of a training would be ignored in silence.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was reached, not how it is judged."""
        super().load_state_dict({name: state_dict[name] for name in _PROGRESS})
