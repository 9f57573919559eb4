"""Which stages' test parts a step is measured on."""

from __future__ import annotations

from typing import Any

import pytest

from monai_lungxfer.study.execution.measured_stages import find_measured_stages
from monai_lungxfer.study.plan.arms import STEPS
from monai_lungxfer.study.plan.plan import StudyPlan


def stages(step: str, **keys: Any) -> tuple[str, ...]:
    return find_measured_stages(STEPS[step], StudyPlan.model_validate({"data": "data", "out": "out"} | keys))


@pytest.mark.parametrize(
    ("step", "retained"),
    [
        ("donor", ()),
        ("general", ("donor",)),
        ("general_scratch", ()),
        ("portable", ("donor", "general")),
        ("portable_scratch", ("general",)),
        ("portable_from_donor", ("donor",)),
        ("portable_flair", ("donor", "general")),
        ("portable_translator_cascade", ("donor", "general")),
    ],
)
def test_with_retention_the_stages_that_weights_come_from_are_measured_too(step: str, retained: tuple) -> None:
    own = STEPS[step].stage
    assert stages(step, retention=True) == (own, *retained)
    assert stages(step) == (() if step == "donor" else (own,))


def test_given_weights_are_measured_on_their_own_stage_with_retention_alone() -> None:
    assert stages("general", general="general") == ()
    assert stages("general", general="general", retention=True) == ("general", "donor")
    assert stages("portable", general="general") == ("portable",)
    assert stages("portable", general="general", retention=True) == ("portable", "donor", "general")


def test_best_weights_are_not_measured_on_what_they_may_have_learnt() -> None:
    best = {"retention": True, "parent": "best"}
    assert stages("portable", **best) == ("portable", "donor")
    assert stages("portable_flair", **best) == ("portable",)
    assert stages("portable", **best, general="general") == ("portable", "donor", "general")
    assert stages("general", **best) == ("general", "donor")
    assert stages("general_flair", **best) == ("general",)
