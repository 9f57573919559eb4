"""On which stages' test parts a step is measured."""

from __future__ import annotations

from monai_lungxfer.study.plan.arms import DONOR, Step, find_chain, find_step
from monai_lungxfer.study.plan.plan import StudyPlan


def find_measured_stages(step: Step, plan: StudyPlan) -> tuple[str, ...]:
    """Return its own stage first, then, with the plan's `retention`, the stages that its weights come from.

    Weights that the plan gives are measured on their own stage with `retention` alone: that stage's data need not be
    there otherwise, and the weights may have learnt its images.
    """
    own = (step.stage,) if step.name not in plan.given or plan.retention else ()
    return own + (find_retained_stages(step, plan) if plan.retention else ())


def find_retained_stages(step: Step, plan: StudyPlan) -> tuple[str, ...]:
    """Return the stages before a step's own that its weights come from, the first one first.

    With the plan's ``parent: best``, a step may start from weights of another repetition, which have learnt some images
    of this one's test parts. So stages that the study trains are left out then.
    """
    chain = [find_step(name) for name in find_chain(step.name, plan.given)]
    root = chain[0]
    from_donor = root.parent == DONOR or (root.name in plan.given and root.name != DONOR)
    if plan.parent == "best":
        chain = [one for one in chain if one.name in plan.given]
    stages = [*([DONOR] if from_donor else []), *(one.stage for one in chain)]
    return tuple(dict.fromkeys(stage for stage in stages if stage != step.stage))
