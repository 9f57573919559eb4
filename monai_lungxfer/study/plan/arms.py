"""The arms of a study: the paper's way to weights for portable radiographs, and others in the same splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

DONOR = "donor"
"""What a step has as parent that starts from the donor's weights."""

# The contracting path down to its end: all that turns an image into features.
ENCODER = ("encoder*", "bottleneck*")


@dataclass(frozen=True)
class Step:
    """One training, which several arms may share.

    Attributes
    ----------
    name : str
        Of its folder.
    title : str
        In words.
    stage : str
        Whose bundle and data.
    parent : str or None
        The step whose weights it starts from, `DONOR`, or None for random weights.
    settings : mapping
        What differs from the stage's own settings.
    pools : str or None
        A stage whose training images it learns from as well.
    """

    name: str
    title: str
    stage: str
    parent: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    pools: str | None = None


@dataclass(frozen=True)
class Arm:
    """One way to weights for portable radiographs: a chain of steps.

    Attributes
    ----------
    name : str
        As plan and step files have it.
    title : str
        In words.
    last : str
        The step whose weights it ends with, measured on the independent half.
    """

    name: str
    title: str
    last: str

    @property
    def first(self) -> str | None:
        """Its step in the stage of general radiographs, if it has one."""
        return next((name for name in _chain(self.last) if STEPS[name].stage == "general"), None)


STEPS = MappingProxyType(
    {
        step.name: step
        for step in (
            Step("general", "General stage", "general", DONOR),
            Step("general_scratch", "General stage, from scratch", "general", None),
            Step("portable", "Portable stage", "portable", "general"),
            Step("portable_scratch", "Portable stage, from scratch", "portable", "general_scratch"),
            Step("portable_from_donor", "Portable stage, from the donor", "portable", DONOR),
            Step("portable_frozen", "Portable stage, frozen encoder", "portable", "general", {"frozen": list(ENCODER)}),
            Step("pooled", "All data at once", "portable", DONOR, pools="general"),
        )
    }
)

PAPER_ARM = "paper"

ARMS = MappingProxyType(
    {
        arm.name: arm
        for arm in (
            Arm(PAPER_ARM, "Donor → general → portable", "portable"),
            Arm("general_only", "Donor → general", "general"),
            Arm("donor_to_portable", "Donor → portable", "portable_from_donor"),
            Arm("scratch", "From scratch", "portable_scratch"),
            Arm("frozen_encoder", "Frozen encoder", "portable_frozen"),
            Arm("pooled", "All data at once", "pooled"),
        )
    }
)


def required_steps(arms: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps that arms need, each once, parents before children.

    Examples
    --------
    >>> [step.name for step in required_steps(["frozen_encoder", "paper"])]
    ['general', 'portable', 'portable_frozen']
    """
    needed = {name for arm in arms for name in _chain(ARMS[arm].last)}
    return tuple(step for name, step in STEPS.items() if name in needed)


def _chain(step: str) -> list[str]:
    parent = STEPS[step].parent
    return [step] if parent not in STEPS else [*_chain(str(parent)), step]
