"""The arms: their steps, shared where they are the same."""

from __future__ import annotations

import pytest

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.study.plan.arms import (
    ARMS,
    DEFAULT_ARMS,
    DONOR,
    QUESTIONS,
    STEPS,
    fill_sizes,
    find_chain,
    find_step,
    required_steps,
    scale_side,
    size_step,
)


def names(*arms: str) -> list[str]:
    return [step.name for step in required_steps(arms)]


def test_parents_come_before_children() -> None:
    everything = list(STEPS)
    for step in STEPS.values():
        if step.parent not in (None, DONOR):
            assert everything.index(str(step.parent)) < everything.index(step.name)


@pytest.mark.parametrize(
    ("arm", "chain"),
    [
        ("paper", ["general", "portable"]),
        ("scratch", ["general_scratch", "portable_scratch"]),
        ("general_only", ["general"]),
        ("donor_to_portable", ["portable_from_donor"]),
        ("frozen_encoder", ["general", "portable_frozen"]),
        ("pooled", ["pooled"]),
        ("portable_only", ["portable_random"]),
        ("aspect_large", ["general", "portable_aspect_large"]),
        ("summed", ["general_summed", "portable_summed"]),
        ("flair_donor", ["donor_flair", "general_flair", "portable_flair"]),
        ("width_8", ["donor_width_8", "general_width_8", "portable_width_8"]),
        ("translator_donor", ["portable_translator_donor"]),
        ("translator_cascade", ["general_translator", "portable_translator_cascade"]),
    ],
)
def test_an_arm_is_a_chain_of_steps(arm: str, chain: list[str]) -> None:
    assert names(arm) == chain
    assert ARMS[arm].last == chain[-1]
    assert ARMS[arm].first == next((step for step in chain if step.startswith("general")), None)


def test_a_step_of_fewer_images_is_found_by_its_name() -> None:
    sized = size_step(STEPS["portable"], 20, "select")
    assert (sized.name, sized.images, sized.parent) == ("portable-s20", 20, "general")
    assert find_step("portable-s20") == sized
    assert find_step("portable") == STEPS["portable"]
    assert find_chain("portable-n5") == ["general", "portable-n5"]
    for name in ("portable-n0", "portable-x5", "other-n5"):
        with pytest.raises(KeyError):
            find_step(name)


def test_a_shared_step_is_there_once() -> None:
    assert names("frozen_encoder", "general_only", "paper") == ["general", "portable", "portable_frozen"]


def test_every_step_is_of_a_stage_and_belongs_to_an_arm() -> None:
    assert {step.stage for step in STEPS.values()} <= set(STAGES)
    assert set(names(*ARMS)) == set(STEPS) - {DONOR}
    assert len({step.title for step in STEPS.values()}) == len(STEPS)
    assert [name for name, step in STEPS.items() if step.pools] == ["pooled"]


def test_no_two_steps_train_the_same() -> None:
    trainings = [(s.stage, s.parent, repr(s.settings), s.pools, s.scale) for s in STEPS.values() if s.name != DONOR]
    assert len(set(trainings)) == len(trainings)
    assert len({arm.last for arm in ARMS.values()}) == len({arm.title for arm in ARMS.values()}) == len(ARMS)


def test_each_question_has_arms_and_the_plan_of_before_has_its_six() -> None:
    assert {arm.question for arm in ARMS.values()} == set(QUESTIONS)
    assert names(*DEFAULT_ARMS) == [
        "general", "general_scratch",
        "portable", "portable_scratch", "portable_from_donor", "portable_frozen", "pooled",
    ]  # fmt: skip


def test_what_is_given_needs_no_parent() -> None:
    assert find_chain("portable_flair", ["general"]) == ["donor_flair", "general_flair", "portable_flair"]
    assert [step.name for step in required_steps(["paper", "pad"], ["general"])] == [
        "general", "portable", "portable_pad",
    ]  # fmt: skip


@pytest.mark.parametrize(("side", "large"), [(256, 384), (64, 96), (32, 48), (80, 128)])
def test_titles_tell_the_sizes_that_are_trained(side: int, large: int) -> None:
    step = STEPS["portable_square_large"]
    assert scale_side(side, step.scale) == large
    assert fill_sizes(step.title, side) == f"Portable stage, square {large}²"
    assert scale_side(side, 1) == side
