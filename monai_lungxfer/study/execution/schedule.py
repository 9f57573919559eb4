"""Which step of which repetition may be run next, given what is done and what has failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from monai_lungxfer.study.plan.arms import find_step
from monai_lungxfer.study.plan.plan import StudyPlan


class StudyTask(NamedTuple):
    """One step of one repetition."""

    repetition: int
    step: str


class Schedule:
    """The order of a study's tasks: repetition by repetition, parents before children; those `done` need not be run."""

    def __init__(self, plan: StudyPlan, done: Iterable[StudyTask] = ()) -> None:
        self.plan = plan
        self._names = [step.name for step in plan.steps]
        self.tasks = [StudyTask(repetition, name) for repetition in range(plan.repetitions) for name in self._names]
        self.done = set(done) & set(self.tasks)
        self.failed: set[StudyTask] = set()
        self._waiting = [task for task in self.tasks if task not in self.done]

    def parents(self, task: StudyTask) -> list[StudyTask]:
        """Return the tasks that must be done before; of several, the one with the best weights is the parent."""
        parent = find_step(task.step).parent
        if task.step in self.plan.given or parent not in self._names:
            return []
        everywhere = self.plan.parent == "best" and parent not in self.plan.given
        repetitions = range(self.plan.repetitions) if everywhere else [task.repetition]
        return [StudyTask(repetition, str(parent)) for repetition in repetitions]

    def next(self) -> StudyTask | None:
        """Return the next task whose parents are done; it is not returned again. None: none is ready now."""
        for task in self._waiting:
            if all(parent in self.done for parent in self.parents(task)):
                self._waiting.remove(task)
                return task
        return None

    def settle(self, task: StudyTask, *, failed: bool) -> None:
        """Note how a task ended."""
        (self.failed if failed else self.done).add(task)

    def blocked(self) -> list[StudyTask]:
        """Return the tasks that cannot be run any more, since one that they need has failed."""
        lost = set(self.failed)
        for task in self._waiting:  # parents come before their children, except where all repetitions are parents
            if lost.intersection(self.parents(task)):
                lost.add(task)
        return [task for task in self._waiting if task in lost]

    def is_done(self, repetition: int) -> bool:
        """Tell whether all tasks of a repetition are done."""
        return all(task in self.done for task in self.tasks if task.repetition == repetition)

    def is_settled(self, repetition: int) -> bool:
        """Tell whether a repetition has no task left that is waiting to be run, or running."""
        left = {task for task in self.tasks if task.repetition == repetition} - self.done - self.failed
        return left <= set(self.blocked())
