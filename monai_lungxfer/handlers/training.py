"""Ignite handlers for training that can be stopped at any moment: resume points and seeds."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from monai.engines import Workflow
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from monai_lungxfer.utils.errors import LungXferError, TransferError
from monai_lungxfer.utils.torch_files import read_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from torch.distributed.checkpoint.stateful import Stateful

logger = logging.getLogger(__name__)

_RESUME_KEYS = frozenset(("settings", "epoch", "stopped", "best", "objects"))
_SCHEDULE_PROGRESS = frozenset(("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "_last_lr"))
_UNSET = {"sizing": "square", "objects": "[]", "objects_prob": "0.0", "consistency": "0.0"}
"""What trainings were like before there was a setting for it."""
_START_AFRESH = "Start afresh (--no-resume, or resume set to false), or choose another output folder (--out)"


class EpochSeed:
    """Seed everything random by (seed, epoch) as an epoch starts, so that a resumed run draws what it would have drawn.

    Parameters
    ----------
    seed : int
        Of the run.
    datasets : sequence
        Data sets with `set_epoch`, such as those of `decoded_dataset`.
    """

    def __init__(self, seed: int, datasets: Sequence[Any] = ()) -> None:
        self.seed = seed
        self.datasets = datasets

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed Python, NumPy and PyTorch."""
        state = int(np.random.SeedSequence((self.seed, engine.state.epoch)).generate_state(1)[0])
        random.seed(state)
        np.random.seed(state)  # noqa: NPY002 - transforms that users add may draw from the global generator
        torch.manual_seed(state)
        for dataset in self.datasets:
            dataset.set_epoch(engine.state.epoch)


class ResumePoint:
    """After every epoch, write all that training needs to go on from there as if it had not stopped.

    Attach it last, so that the validation, the schedule and the early stop of the epoch are part of what it writes.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, replaced atomically.
    objects : mapping
        Name to object with `state_dict` and `load_state_dict`: network, optimizer, scheduler, ….
    evaluator : monai.engines.Workflow
        Its best metric is kept too.
    settings : mapping
        What must not change between the parts of one training: seed, split, batch size, ….
    enabled : bool
        When false, a file of an earlier training is ignored and then replaced.
    """

    def __init__(
        self,
        path: str | Path,
        objects: Mapping[str, Stateful],
        evaluator: Workflow,
        settings: Mapping[str, Any],
        enabled: bool = True,
    ) -> None:
        self.path = Path(path)
        self.objects = dict(objects)
        self.evaluator = evaluator
        self.settings = {name: str(value) for name, value in settings.items()}
        self.enabled = enabled

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Workflow) -> None:
        """Write the resume point of the epoch that has just been completed."""
        if engine.state.rank != 0:
            return
        content = {
            "settings": self.settings,
            "epoch": engine.state.epoch,
            "stopped": bool(engine.should_terminate),
            "best": (float(self.evaluator.state.best_metric), self.evaluator.state.best_metric_epoch),
            "objects": {name: stateful.state_dict() for name, stateful in self.objects.items()},
        }
        save_checkpoint(content, self.path)

    def run(self, trainer: Engine) -> None:
        """Train from the last finished epoch; nothing is done when the training had already ended.

        One that was stopped early goes on when it has now more patience than epochs without a better validation loss.

        Raises
        ------
        LungXferError
            When the file belongs to a training with other settings, or is no resume point.
        """
        content = self._load() if self.enabled and self.path.is_file() else None
        if content is not None:
            self._restore(content, trainer)
            reason = self._why_ended(content, trainer)
            if reason is not None:
                logger.info("Training had already ended after epoch %d: %s (%s)", content["epoch"], reason, self.path)
                return
            logger.info("Training goes on after epoch %d (%s)", content["epoch"], self.path)
        trainer.run()

    def _why_ended(self, content: Mapping[str, Any], trainer: Engine) -> str | None:
        """Tell why the training, already restored, is at its end, and which setting continues it."""
        if content["epoch"] >= (trainer.state.max_epochs or 0):
            return "it has all its epochs; a larger max_epochs (--epochs) continues it"
        if not content["stopped"]:
            return None
        early_stop = self.objects.get("early_stop")
        if not isinstance(early_stop, EarlyStopping):
            return "it was stopped"
        if early_stop.counter < early_stop.patience:
            return None
        return (
            f"{early_stop.counter} validations in a row were no better; "
            "a larger early_stop_patience (--set early_stop_patience=N) continues it"
        )

    def _load(self) -> dict[str, Any]:
        content = read_checkpoint(self.path, _START_AFRESH)
        if not isinstance(content, dict) or not content.keys() >= _RESUME_KEYS:
            raise TransferError("it is not a resume point", source=self.path, remedy=_START_AFRESH)
        changed = [
            f"{name} was {content['settings'].get(name)}, is {value}"
            for name, value in self.settings.items()
            if content["settings"].get(name, _UNSET.get(name, "None")) != value  # one that is newer than the file
        ]
        if changed:
            raise LungXferError(
                f"this folder holds a training with other settings: {'; '.join(changed)}",
                source=self.path,
                remedy="Choose another output folder (--out), restore the settings, or start afresh (--no-resume)",
            )
        return content

    def _restore(self, content: Mapping[str, Any], trainer: Engine) -> None:
        for name, stateful in self.objects.items():
            if isinstance(stateful, LRScheduler):
                resume_schedule(stateful, content["objects"][name])
            else:
                stateful.load_state_dict(content["objects"][name])
        self.evaluator.state.best_metric, self.evaluator.state.best_metric_epoch = content["best"]
        trainer.state.epoch = content["epoch"]
        trainer.state.iteration = content["epoch"] * trainer.state.epoch_length


def resume_schedule(schedule: LRScheduler, state_dict: Mapping[str, Any]) -> None:
    """Set how far a schedule of the learning rate has come; its settings stay those of the configuration.

    PyTorch takes factor, patience and length from the state too. A change of the configuration between two parts of a
    training would then be ignored in silence, and the rate of one that is prolonged would rise after its old end.
    """
    if not isinstance(schedule, LambdaLR | ReduceLROnPlateau):
        schedule.load_state_dict(dict(state_dict))
        return
    vars(schedule).update({name: value for name, value in state_dict.items() if name in _SCHEDULE_PROGRESS})
    if isinstance(schedule, LambdaLR):  # the rate of an epoch follows from the settings alone
        vars(schedule)["_last_lr"] = rates = schedule.get_lr()
        for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
