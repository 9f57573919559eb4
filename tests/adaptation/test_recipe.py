"""What is trained follows from the number of images, what a step costs, and the time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monai_lungxfer.adaptation.recipe import LEAST_EPOCHS, LEAST_IMAGES, StepCost, plan_phases, small_size

FULL = StepCost((192, 192), 0.1, 0.02)
SMALL = StepCost((128, 128), 0.1 * 4 / 9, 0.02 * 4 / 9)


def test_all_layers_learn_at_two_sizes_when_there_is_time() -> None:
    small, full = plan_phases(28, 6, FULL, 32, 3600)
    assert (small.recipe, full.recipe) == ("best", "best")
    assert (small.settings["image_size"], full.settings["image_size"]) == ([128, 128], [192, 192])
    assert small.seconds + full.seconds == pytest.approx(3600)
    assert small.settings["samples_per_epoch"] == 4 * 28
    assert small.settings["learning_rate"] > full.settings["learning_rate"]


def test_the_planned_epochs_fit_into_the_time() -> None:
    phases = plan_phases(28, 6, FULL, 32, 300)
    for phase, cost in zip(phases, (SMALL, FULL), strict=True):
        epoch = 112 * cost.training + 34 * cost.validation
        assert phase.settings["max_epochs"] * epoch <= phase.seconds
        assert phase.settings["max_epochs"] > 1


def test_the_number_of_epochs_is_limited() -> None:
    small, full = plan_phases(28, 6, FULL, 32, 1e6)
    assert (small.settings["max_epochs"], full.settings["max_epochs"]) == (16, 16)


@pytest.mark.parametrize(
    ("training", "seconds", "translator"), [(LEAST_IMAGES - 1, 3600, None), (28, 60, None), (28, 3600, "hypercolumn:2")]
)
def test_new_layers_alone_learn_from_few_images_in_little_time_or_when_asked(
    training: int, seconds: float, translator: str | None
) -> None:
    (phase,) = plan_phases(training, 6, FULL, 32, seconds, translator)
    assert phase.settings["translator"] == (translator or "tail:3")
    assert phase.settings["train#random_transforms"] == []
    assert (phase.recipe, phase.seconds) == ("paper", seconds)


def test_the_least_number_of_epochs_decides() -> None:
    # An epoch at full size: 1.25 * (112 * 0.1 + 34 * 0.02) s = 14.85 s, for which there are 60 % of the time.
    enough = LEAST_EPOCHS * 1.25 * (112 * FULL.training + 34 * FULL.validation) / 0.6
    assert len(plan_phases(28, 6, FULL, 32, enough + 0.01)) == 2
    assert len(plan_phases(28, 6, FULL, 32, enough - 0.01)) == 1
    assert len(plan_phases(28, 6, replace(FULL, training=0.05), 32, enough - 0.01)) == 2


def test_small_sizes_are_whole_strides() -> None:
    assert small_size((224, 160), 32) == (160, 96)
    assert small_size((32, 96), 32) == (32, 64)
