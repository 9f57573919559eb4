"""The arms: their steps, shared where they are the same."""

from __future__ import annotations

import pytest

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.study.plan.arms import ARMS, DONOR, STEPS, required_steps


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
    ],
)
def test_an_arm_is_a_chain_of_steps(arm: str, chain: list[str]) -> None:
    assert names(arm) == chain
    assert ARMS[arm].last == chain[-1]
    assert ARMS[arm].first == (chain[0] if chain[0].startswith("general") else None)


def test_a_shared_step_is_there_once() -> None:
    assert names("frozen_encoder", "general_only", "paper") == ["general", "portable", "portable_frozen"]


def test_every_step_is_of_a_stage_and_belongs_to_an_arm() -> None:
    assert {step.stage for step in STEPS.values()} <= set(STAGES)
    assert set(names(*ARMS)) == set(STEPS)
    assert len({step.title for step in STEPS.values()}) == len(STEPS)
    assert [name for name, step in STEPS.items() if step.settings] == ["portable_frozen"]
    assert [name for name, step in STEPS.items() if step.pools] == ["pooled"]
