"""Which way of training fits the number of images and the time: what learns, at which size, for how many epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADAPTER = "tail:3"
"""The new layers of a small adapter, as ``lungxfer train --translator`` has them."""

LEAST_IMAGES = 20
"""Training images below which the new layers alone learn: all weights would follow single images."""

LEAST_EPOCHS = 8
"""Epochs at full size below which the new layers alone learn, since a step of theirs costs a third or less."""

_BATCH = 8
_MOST_EPOCHS = {"small": 16, "full": 16, "adapter": 200}
_SMALL_SHARE = 0.4  # of the time
_SAMPLES = (32, 640)  # an epoch, at least and at most
_PER_IMAGE = 4  # draws of each image an epoch, with other random changes each time
_OVERHEAD = 1.25  # drawing, changing and loading images, which `StepCost` does not measure


@dataclass(frozen=True)
class StepCost:
    """Seconds that one image takes at an input size (H, W): in a training step, and in validation."""

    size: tuple[int, int]
    training: float
    validation: float

    def scale(self, size: tuple[int, int]) -> StepCost:
        """Return the cost at another size: a convolution's time goes by the pixels."""
        ratio = size[0] * size[1] / (self.size[0] * self.size[1])
        return StepCost(size, self.training * ratio, self.validation * ratio)


@dataclass(frozen=True)
class TrainingPhase:
    """One training of an adaptation.

    Attributes
    ----------
    name : {"small", "full", "adapter"}
        Also that of its folder.
    recipe : {"best", "paper"}
        As for `monai_lungxfer.training.stage.train_stage`.
    settings : dict
        Settings of the bundle.
    seconds : float
        Time that it may take.
    """

    name: str
    recipe: str
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def small_size(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return about two thirds of an input size, in whole strides of the network.

    Examples
    --------
    >>> small_size((192, 192), 32), small_size((256, 256), 16)
    ((128, 128), (176, 176))
    """
    height, width = (max(stride, round(side * 2 / 3 / stride) * stride) for side in size)
    return height, width


def plan_phases(
    training: int, validation: int, full: StepCost, stride: int, seconds: float, translator: str | None = None
) -> list[TrainingPhase]:
    """Choose the trainings for so many images and so much time.

    Parameters
    ----------
    training, validation : int
        Images to learn from, and to choose the epoch by.
    full : StepCost
        At the full size.
    stride : int
        Of the network.
    seconds : float
        For all trainings together.
    translator : str, optional
        New layers that are wanted in any case.

    Returns
    -------
    list of TrainingPhase
        Either one, of new layers; or two of all weights, first at the small size.
    """
    small = full.scale(small_size(full.size, stride))
    samples = min(max(_PER_IMAGE * training, _SAMPLES[0]), _SAMPLES[1])
    affordable = int(seconds * (1 - _SMALL_SHARE) / _epoch_seconds(full, samples, training, validation))
    if translator or training < LEAST_IMAGES or affordable < LEAST_EPOCHS:
        return [_plan_adapter(full, seconds, translator or ADAPTER)]
    small_epochs = int(seconds * _SMALL_SHARE / _epoch_seconds(small, samples, training, validation))
    return [
        _plan_all("small", small, samples, small_epochs, seconds * _SMALL_SHARE, 5e-4),
        _plan_all("full", full, samples, affordable, seconds * (1 - _SMALL_SHARE), 3e-4),
    ]


def _epoch_seconds(cost: StepCost, samples: int, training: int, validation: int) -> float:
    # Before each validation, batch norm sees the training images once more, see `PreciseBatchNorm`.
    passes = cost.validation * (min(training, 128) + validation)
    return _OVERHEAD * (cost.training * samples + passes)


def _plan_all(
    name: str, cost: StepCost, samples: int, epochs: int, seconds: float, learning_rate: float
) -> TrainingPhase:
    epochs = min(max(epochs, 1), _MOST_EPOCHS[name])
    settings: dict[str, Any] = {
        "image_size": list(cost.size),
        "batch_size": _BATCH,
        "samples_per_epoch": samples,
        "max_epochs": epochs,
        "early_stop_patience": max(epochs // 2, 3),
        "warm_up_epochs": min(2, epochs // 4),
        "learning_rate": learning_rate,
    }
    return TrainingPhase(name, "best", settings, seconds)


def _plan_adapter(cost: StepCost, seconds: float, translator: str) -> TrainingPhase:
    settings: dict[str, Any] = {
        "image_size": list(cost.size),
        "translator": translator,
        "batch_size": _BATCH,
        "max_epochs": _MOST_EPOCHS["adapter"],
        "early_stop_patience": 15,
        # The images stay as they are, so that the frozen base's features of each are computed once.
        "train#random_transforms": [],
    }
    return TrainingPhase("adapter", "paper", settings, seconds)
