"""Schedules of the learning rate."""

from __future__ import annotations

from typing import Any

from monai.optimizers import WarmupCosineSchedule
from torch.optim.lr_scheduler import ReduceLROnPlateau

__all__ = ["CosineSchedule", "PlateauSchedule"]

_PROGRESS = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "_last_lr")


class PlateauSchedule(ReduceLROnPlateau):
    """PyTorch's schedule, whose settings are those of the configuration also when a training is resumed.

    Its parent takes factor, patience and threshold from the state that it loads, so that a change of the
    configuration between two parts of a training would be ignored in silence.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was reached, not how it is judged."""
        super().load_state_dict({name: state_dict[name] for name in _PROGRESS})


class CosineSchedule(WarmupCosineSchedule):
    """MONAI's warm-up and cosine, whose settings are those of the configuration also when a training is resumed.

    Its parent takes length and warm-up from the state that it loads, so that the rate of a training that is prolonged
    would rise again after what was its end.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over how many steps were done, and set the rate that the settings of now have there."""
        self.last_epoch = state_dict["last_epoch"]
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate
