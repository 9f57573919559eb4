"""The arms of a study: the paper's way to weights for portable radiographs, and others in the same splits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from monai_lungxfer.study.plan.variations import DONOR, ENCODER, LARGE, VARIATIONS, Variation


@dataclass(frozen=True)
class Step:
    """One training, which several arms may share.

    Attributes
    ----------
    name : str
        Of its folder.
    title : str
        In words; ``{side}`` and ``{large}`` stand for sizes, see `fill_sizes`.
    stage : str
        Whose bundle and data.
    parent : str or None
        The step whose weights it starts from, `DONOR`, or None for random weights.
    settings : mapping
        What differs from the stage's own settings.
    pools : str or None
        A stage whose training images it learns from as well.
    scale : float
        Side of the network's input as a multiple of the stage's.
    images : int or None
        How many images of the training part it learns from; None for all of them.
    choice : str
        One of `CHOICES`: how these are chosen.
    """

    name: str
    title: str
    stage: str
    parent: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    pools: str | None = None
    scale: float = 1.0
    images: int | None = None
    choice: str = "random"


@dataclass(frozen=True)
class Arm:
    """One way to weights for portable radiographs: a chain of steps.

    Attributes
    ----------
    name : str
        As plan and step files have it.
    title : str
        In words; ``{side}`` and ``{large}`` stand for sizes, see `fill_sizes`.
    last : str
        The step whose weights it ends with, measured on the independent half.
    question : str
        One of `QUESTIONS`, which the arm answers together with the paper's.
    """

    name: str
    title: str
    last: str
    question: str = "stages"

    @property
    def first(self) -> str | None:
        """Its step in the stage of general radiographs, if it has one."""
        return next((name for name in find_chain(self.last) if STEPS[name].stage == "general"), None)


class Question(NamedTuple):
    """What arms are to answer: a part of the report.

    Attributes
    ----------
    title : str
        The question.
    paper : str
        What the paper's arm is called among the answers.
    """

    title: str
    paper: str


QUESTIONS = MappingProxyType(
    {
        "stages": Question("What does each stage add?", "Donor → general → portable"),
        "sizing": Question("How should radiographs get the size of the network's input?", "Square {side}² (the paper)"),
        "channels": Question("Which donor, channels and width?", "Three channels (the paper)"),
        "reuse": Question("Does a stage reuse the donor's features, or only their scale?", "The donor as it is"),
        "adaptation": Question("What should learn from portable radiographs?", "All layers (the paper)"),
        "objects": Question("Does training with drawn foreign objects help?", "Without drawn objects (the paper)"),
    }
)


def _steps() -> Iterator[Step]:
    yield Step("general", "General stage", "general", DONOR)
    yield Step("general_scratch", "General stage, from scratch", "general", None)
    yield Step("portable", "Portable stage", "portable", "general")
    yield Step("portable_scratch", "Portable stage, from scratch", "portable", "general_scratch")
    yield Step("portable_from_donor", "Portable stage, from the donor", "portable", DONOR)
    yield Step("portable_random", "Portable stage, from random weights", "portable", None)
    yield Step("portable_frozen", "Portable stage, frozen encoder", "portable", "general", {"frozen": list(ENCODER)})
    yield Step("pooled", "All data at once", "portable", DONOR, pools="general")
    yield Step("general_translator", "General stage, translator", "general", DONOR, {"translator": "tail:3"})
    for variation in chain.from_iterable(VARIATIONS.values()):
        yield from _own_steps(variation)


def _own_steps(variation: Variation) -> Iterator[Step]:
    """Yield the steps that no other arm has: portable, and before it general and donor where these differ."""
    name, title, settings, general, donor, parent, scale = variation
    if donor is not None:
        yield Step(f"donor_{name}", f"Donor, {title}", "donor", None, {**settings, **donor})
    if general is not None:
        before = DONOR if donor is None else f"donor_{name}"
        parent = f"general_{name}"
        yield Step(parent, f"General stage, {title}", "general", before, {**settings, **general})
    yield Step(f"portable_{name}", f"Portable stage, {title}", "portable", parent, settings, scale=scale)


CHOICES = MappingProxyType({"random": "n", "select": "s"})
"""Ways to choose a part of the training images, and the letter of each in the names of steps."""

_SIZED = re.compile(r"(?P<step>\w+)-(?P<letter>[ns])(?P<images>[1-9]\d*)")

STEPS = MappingProxyType({step.name: step for step in (Step(DONOR, "Donor", DONOR, None), *_steps())})
"""Every step, parents before children; the first is never trained, since a plan gives the donor's weights."""


def size_step(step: Step, images: int, choice: str = "random") -> Step:
    """Return a step that learns from some of the training images alone.

    Examples
    --------
    >>> size_step(STEPS["portable"], 20).name
    'portable-n20'
    """
    title = f"{step.title}, {images} images{' selected' if choice == 'select' else ''}"
    return replace(step, name=f"{step.name}-{CHOICES[choice]}{images}", title=title, images=images, choice=choice)


def find_step(name: str) -> Step:
    """Return the step of a name, which may be that of `size_step`; a `KeyError` is raised when there is none."""
    sized = _SIZED.fullmatch(name)
    if sized is None:
        return STEPS[name]
    choice = next(choice for choice, letter in CHOICES.items() if letter == sized["letter"])
    return size_step(STEPS[sized["step"]], int(sized["images"]), choice)


PAPER_ARM = "paper"

DEFAULT_ARMS = (PAPER_ARM, "general_only", "donor_to_portable", "scratch", "frozen_encoder", "pooled")
"""The arms of a plan that names none."""


def _arms() -> Iterator[Arm]:
    yield Arm(PAPER_ARM, QUESTIONS["stages"].paper, "portable")
    yield Arm("general_only", "Donor → general", "general")
    yield Arm("donor_to_portable", "Donor → portable", "portable_from_donor")
    yield Arm("scratch", "From scratch", "portable_scratch")
    yield Arm("portable_only", "Portable alone, from scratch", "portable_random")
    yield Arm("frozen_encoder", "Frozen encoder", "portable_frozen", "adaptation")
    yield Arm("pooled", "All data at once", "pooled")
    names = {"flair": "flair_donor", "head": "head_only", "norm": "norm_only"}
    for question, variations in VARIATIONS.items():
        for name, title, *_ in variations:
            yield Arm(names.get(name, name), title[0].upper() + title[1:], f"portable_{name}", question)


ARMS = MappingProxyType({arm.name: arm for arm in _arms()})


def required_steps(arms: Iterable[str], given: Iterable[str] = ()) -> tuple[Step, ...]:
    """Return the steps that arms need, each once, parents before children.

    Steps whose weights are `given` need no parent. The donor's is given always, and is no step of an arm.

    Examples
    --------
    >>> [step.name for step in required_steps(["frozen_encoder", "paper"])]
    ['general', 'portable', 'portable_frozen']
    """
    needed = {name for arm in arms for name in find_chain(ARMS[arm].last, given)}
    return tuple(step for name, step in STEPS.items() if name in needed)


def find_sized_arms(arms: Iterable[str]) -> tuple[str, ...]:
    """Return those of some arms that may learn from fewer images: they end with portable images, and these alone."""
    lasts = {arm: STEPS[ARMS[arm].last] for arm in arms}
    return tuple(arm for arm, step in lasts.items() if step.stage == "portable" and step.pools is None)


def find_chain(step: str, given: Iterable[str] = ()) -> list[str]:
    """Return a step and those that it comes from, the first one first; none comes before a step that is `given`."""
    parent = find_step(step).parent
    return [step] if parent in (None, DONOR) or step in given else [*find_chain(str(parent), given), step]


def scale_side(side: int, scale: float) -> int:
    """Return a multiple of a side of the network's input, rounded to a multiple of 16 pixels, as the network needs."""
    return 16 * max(2, round(side * scale / 16))


def fill_sizes(title: str, side: int) -> str:
    """Return the title of an arm or a step with the sizes that it has in a study whose portable images have this side.

    Examples
    --------
    >>> fill_sizes(ARMS["aspect_large"].title, 64)
    'Aspect kept, 96² pixels'
    """
    return title.format(side=side, large=scale_side(side, LARGE))
