"""How far a study is, by the files in its folder: while it runs, after it was interrupted, or when it is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from monai_lungxfer.data.records import read_object
from monai_lungxfer.handlers.epoch_table import epoch_seconds, read_epochs
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.schedule import Schedule, StudyTask
from monai_lungxfer.study.plan.plan import StudyPlan


@dataclass(frozen=True)
class StepStatus:
    """How far a step is: "done", "failed", "begun" or "waiting".

    Begun: an epoch at least is finished, and the process that trains it may be there or not. `epochs` are the rows of
    its epochs.csv, `record` is its step.json when it is done, and `error` says why it failed.
    """

    task: StudyTask
    state: str
    epochs: list[dict[str, float]] = field(default_factory=list)
    record: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def seconds(self) -> float:
        """What it has taken so far; only its epochs while it is not done."""
        return float(self.record.get("seconds", epoch_seconds(self.epochs)))


def step_status(paths: StudyPaths, task: StudyTask) -> StepStatus:
    """Look at the files of one step."""
    step = paths.step(*task)
    epochs = read_epochs(step.epochs)
    if step.record.is_file():
        return StepStatus(task, "done", epochs, read_object(step.record, seconds=(int, float)))
    if step.failure.is_file():
        return StepStatus(task, "failed", epochs, error=read_object(step.failure, error=str).get("error"))
    return StepStatus(task, "begun" if epochs else "waiting", epochs)


def study_status(plan: StudyPlan) -> list[StepStatus]:
    """Look at all steps of a study, in the order in which they are run."""
    paths = StudyPaths(plan.out)
    return [step_status(paths, task) for task in Schedule(plan).tasks]


def seconds_left(steps: Iterable[StepStatus], at_a_time: int = 1) -> float | None:
    """Estimate the seconds until all steps of a study are done, `at_a_time` at once; None while no step is done.

    Each step takes what its like took on average. Those that have failed are not waited for.
    """
    steps = list(steps)
    took = defaultdict(list)
    for step in steps:
        if step.state == "done":
            took[step.task.step].append(step.seconds)
    if not took:
        return None
    usual = fmean(seconds for times in took.values() for seconds in times)
    left = [
        max(0.0, fmean(took.get(step.task.step, [usual])) - step.seconds)
        for step in steps
        if step.state in ("begun", "waiting")
    ]
    return sum(left) / at_a_time
