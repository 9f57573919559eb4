"""Carrying out a study: every step of every repetition once, wherever the steps are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monai_lungxfer.handlers.epoch_table import read_epochs
from monai_lungxfer.study.execution.begin import Study, begin_study
from monai_lungxfer.study.execution.mlflow_runs import StudyRuns
from monai_lungxfer.study.execution.paths import StepPaths, StudyPaths
from monai_lungxfer.study.execution.schedule import Schedule, StudyTask
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.study.execution.step_run import run_step
from monai_lungxfer.study.execution.tracking import Tracking
from monai_lungxfer.study.plan.arms import find_step
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.locks import hold_lock


class Pool(Protocol):
    """Where steps are run."""

    def slots(self, study: Study) -> int:
        """Return how many steps of a study it takes at a time."""

    def start(self, job: StepJob) -> None:
        """Take a step."""

    def wait(self) -> tuple[StepJob, str | None]:
        """Return one of the steps that it took, when it has ended, and the error that stopped it, if any."""


class StudyWatcher(Protocol):
    """What follows a study without taking part in it."""

    def begin(self, study: Study, schedule: Schedule) -> None:
        """Note what there is to do."""

    def started(self, task: StudyTask) -> None:
        """Note that a step was begun."""

    def ended(self, task: StudyTask, error: str | None) -> None:
        """Note that a step is done, or what stopped it."""


class SerialPool:
    """Runs one step after the other in this process."""

    def __init__(self) -> None:
        self._jobs: list[StepJob] = []

    def slots(self, study: Study) -> int:  # noqa: ARG002 - the pools' signature
        """Return 1."""
        return 1

    def start(self, job: StepJob) -> None:
        """Keep the step until it is waited for."""
        self._jobs.append(job)

    def wait(self) -> tuple[StepJob, str | None]:
        """Run it."""
        job = self._jobs.pop()
        return job, run_step(job)


@dataclass(frozen=True)
class StudyEnd:
    """How a study ended: the steps that are `done`, and those that `failed`, each with the reason.

    Those that are `blocked` could not be run since one that they need has failed.
    """

    study: Study
    done: tuple[StudyTask, ...]
    failed: dict[StudyTask, str]
    blocked: tuple[StudyTask, ...]


def run_study(
    plan: StudyPlan, tracking_uri: str | None = None, pool: Pool | None = None, watcher: StudyWatcher | None = None
) -> StudyEnd:
    """Carry out a study, or what is left of it.

    Parameters
    ----------
    plan : StudyPlan
        The plan.
    tracking_uri : str, optional
        MLflow's server or database; by default what MLFLOW_TRACKING_URI says, else a database in the study's folder.
        An empty text tracks nothing.
    pool : Pool, optional
        Where steps are run; by default one after the other in this process.
    watcher : StudyWatcher, optional
        Follows the study.

    Raises
    ------
    LungXferError
        When the study is being run by another process, or for any reason that `begin_study` has. A step that fails
        raises nothing: the others continue, and it is tried again when the study is started again.
    """
    pool = pool or SerialPool()
    remedy = "Wait for that, or end it; lungxfer study status shows how far it is"
    with hold_lock(StudyPaths(plan.out).lock, "this study is being run by another process", remedy):
        study = begin_study(plan)
        done = [task for task in Schedule(study.plan).tasks if study.paths.step(*task).record.is_file()]
        schedule = Schedule(study.plan, done)
        if watcher is not None:
            watcher.begin(study, schedule)
        tracking = None
        if tracking_uri != "":
            tracking = Tracking.of(tracking_uri, study.plan.experiment, study.facts["id"], study.paths.runs)
        with StudyRuns(study, tracking) as runs:
            failed = _work(study, schedule, pool, runs, watcher)
            runs.close(failed=bool(failed))
    ended = tuple(task for task in schedule.tasks if task in schedule.done)
    return StudyEnd(study, ended, failed, tuple(schedule.blocked()))


def _work(
    study: Study, schedule: Schedule, pool: Pool, runs: StudyRuns, watcher: StudyWatcher | None
) -> dict[StudyTask, str]:
    """Run what can be run, and return what failed, and why."""
    failed: dict[StudyTask, str] = {}
    running = 0
    while True:
        while running < pool.slots(study) and (task := schedule.next()) is not None:
            run = runs.repetition(task.repetition)
            parent = _parent(study, schedule, task)
            pool.start(StepJob(study, task.repetition, find_step(task.step), parent, runs.tracking, run))
            running += 1
            if watcher is not None:
                watcher.started(task)
        if not running:
            return failed
        job, error = pool.wait()
        running -= 1
        task = StudyTask(job.repetition, job.step.name)
        if error is not None:
            failed[task] = error
        schedule.settle(task, failed=error is not None)
        if watcher is not None:
            watcher.ended(task, error)
        runs.close_settled(schedule)


def _parent(study: Study, schedule: Schedule, task: StudyTask) -> StepPaths | None:
    """Return the finished step that a task starts from: the only one, or the one with the lowest validation loss."""
    parents = [study.paths.step(*parent) for parent in schedule.parents(task)]
    if len(parents) < 2:  # which may have weights that were given, and no loss
        return parents[0] if parents else None
    return min(parents, key=_best_loss)


def _best_loss(step: StepPaths) -> float:
    return min(row["val_loss"] for row in read_epochs(step.epochs) if "val_loss" in row)
