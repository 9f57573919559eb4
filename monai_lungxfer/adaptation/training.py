"""The trainings of an adaptation: what a step costs on this machine, and trainings that end in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_lungxfer.adaptation.recipe import StepCost, TrainingPhase
from monai_lungxfer.adaptation.remembering import FeatureMemory
from monai_lungxfer.adaptation.state import AdaptationState
from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.bundle.workflow import Watcher, bundle_config
from monai_lungxfer.handlers.epoch_table import read_epochs
from monai_lungxfer.networks.description import build_network
from monai_lungxfer.training.stage import StageFolder, Watch, train_stage
from monai_lungxfer.utils.precision import autocast_dtype, best_device
from monai_lungxfer.weights.adapters import adapt_network
from monai_lungxfer.weights.architecture import follow_network

logger = logging.getLogger(__name__)

STAGE = STAGES["portable"]
TRAININGS = "training"
"""Folder of the trainings, each in a folder of its own."""

_BATCH = 4  # images of the measured steps


@dataclass(frozen=True)
class Machine:
    """What the trainings run on: a device, or "auto", and a precision, see `autocast_dtype`."""

    device: str = "auto"
    precision: str = "auto"

    def settings(self) -> dict[str, Any]:
        """Return the settings of a bundle; nothing is tracked, since MLflow would be told of own data."""
        chosen = {} if self.device == "auto" else {"device": f"$torch.device({self.device!r})"}
        return {"precision": self.precision, "tracking_uri": None, **chosen}


def describe_start(weights: str | Path) -> torch.nn.Module:
    """Return the network of the weights to start from, its own weights at random."""
    config = bundle_config(STAGE.bundle, "train")
    description = follow_network(config["network_def"], PlainText(weights), as_parent=True)
    return adapt_network(build_network(description), weights)


def measure_cost(network: torch.nn.Module, size: tuple[int, int], machine: Machine) -> StepCost:
    """Measure what an image costs, by a training step and a prediction of a few images, after one of each."""
    device = best_device(machine.device)
    dtype = autocast_dtype(device, machine.precision)
    network = network.to(device)
    channels = next(network.parameters()).shape[1]
    images = torch.randn(_BATCH, channels, *size, device=device).contiguous(memory_format=torch.channels_last)

    def predict() -> torch.Tensor:
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            logits: torch.Tensor = network(images)
        return logits.float().mean()

    def train() -> None:
        loss = predict()
        if loss.requires_grad:  # not of a network that is frozen as a whole
            loss.backward()

    with torch.no_grad():
        validation = _time(predict, device)
    return StepCost(size, _time(train, device), validation)


def _time(work: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds for an image, after a first run."""
    work()
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - start) / _BATCH


class TimeLimit:
    """Watcher that ends a training when another epoch would not fit into its time; one is always finished."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun = self._first = 0.0

    def watch(self, trainer: Engine, evaluator: Engine) -> None:  # noqa: ARG002 - as `Watcher` has it
        """Follow a trainer, behind the handlers that validate."""
        trainer.add_event_handler(Events.STARTED, self._start)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._check)

    def _start(self, engine: Engine) -> None:
        self._begun, self._first = time.monotonic(), engine.state.epoch

    def _check(self, engine: Engine) -> None:
        spent = time.monotonic() - self._begun
        each = spent / (engine.state.epoch - self._first)
        if spent + each > self.seconds and engine.state.epoch < (engine.state.max_epochs or 0):
            logger.info("The time for this training is over after epoch %d", engine.state.epoch)
            engine.terminate()


class _Watchers:
    """Several watchers as one."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = watchers

    def watch(self, trainer: Engine, evaluator: Engine) -> None:
        for watcher in self.watchers:
            watcher.watch(trainer, evaluator)


def run_phases(
    state: AdaptationState,
    out: Path,
    weights: str,
    phases: Sequence[TrainingPhase],
    settings: Mapping[str, Any],
    watch: Watch,
) -> Path:
    """Train each phase from the weights before it, and return the last weights.

    A phase that is done is not repeated, and one that was interrupted continues after its last epoch.

    Parameters
    ----------
    settings : mapping
        Settings of the bundle for all phases: split, seed and machine.
    """
    for phase in phases:
        folder = StageFolder(out / TRAININGS / phase.name)
        chosen = {**settings, **phase.settings, "parent": PlainText(weights)}
        following = _follow(watch, phase)

        def train(
            folder: StageFolder = folder,
            chosen: dict[str, Any] = chosen,
            following: Watch = following,
            phase: TrainingPhase = phase,
        ) -> dict[str, Any]:
            train_stage(STAGE, out / "data", folder, chosen, following, phase.recipe)
            return _summarise(folder)

        state.run_once(f"training {phase.name}", train)
        weights = str(folder.weights)
    return Path(weights)


def _follow(watch: Watch, phase: TrainingPhase) -> Watch:
    @contextmanager
    def follow(title: str) -> Iterator[Watcher]:
        with watch(f"{title}, {phase.name}") as shown:
            others: list[Watcher] = [TimeLimit(phase.seconds), FeatureMemory()]
            yield _Watchers(others if shown is None else [shown, *others])

    return follow


def _summarise(folder: StageFolder) -> dict[str, Any]:
    epochs = read_epochs(folder.path / "epochs.csv")
    return {"epochs": len(epochs), "validation_dice": max(row["val_dice"] for row in epochs)}
