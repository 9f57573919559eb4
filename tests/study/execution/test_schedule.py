"""The order of tasks: nothing before its parents, nothing twice, and failures stop only what needs them."""

from __future__ import annotations

from typing import Any

from monai_lungxfer.study.execution.schedule import Schedule, StudyTask
from monai_lungxfer.study.plan.plan import StudyPlan


def plan(**keys: Any) -> StudyPlan:
    return StudyPlan.model_validate({"data": "data", "out": "out", "repetitions": 2, "arms": ["paper"]} | keys)


def drained(schedule: Schedule, failing: tuple[StudyTask, ...] = ()) -> list[StudyTask]:
    order = []
    while (task := schedule.next()) is not None:
        order.append(task)
        schedule.settle(task, failed=task in failing)
    return order


def test_repetitions_follow_one_another() -> None:
    assert drained(Schedule(plan())) == [(0, "general"), (0, "portable"), (1, "general"), (1, "portable")]


def test_what_waits_for_its_parent_lets_others_pass() -> None:
    schedule = Schedule(plan())
    assert [schedule.next(), schedule.next(), schedule.next()] == [(0, "general"), (1, "general"), None]
    schedule.settle(StudyTask(1, "general"), failed=False)
    assert schedule.next() == (1, "portable")
    assert schedule.next() is None


def test_given_weights_wait_for_nothing_and_the_donor_is_a_step_where_it_is_measured() -> None:
    steps = drained(Schedule(plan(general="general", retention=True, parent="best")))
    assert steps[:3] == [(0, "donor"), (0, "general"), (0, "portable")]
    schedule = Schedule(plan(retention=True))
    assert schedule.parents(StudyTask(1, "general")) == [(1, "donor")]
    given = Schedule(plan(general="general", retention=True, parent="best"))
    assert given.parents(StudyTask(1, "general")) == []
    assert given.parents(StudyTask(1, "portable")) == [(1, "general")]


def test_what_is_done_is_not_run() -> None:
    done = [StudyTask(0, "general"), StudyTask(1, "general"), StudyTask(1, "portable"), StudyTask(9, "general")]
    schedule = Schedule(plan(), done)
    assert drained(schedule) == [(0, "portable")]
    assert len(schedule.done) == 4


def test_a_failure_stops_only_what_needs_it() -> None:
    schedule = Schedule(plan(arms=["paper", "frozen_encoder", "donor_to_portable"]))
    order = drained(schedule, (StudyTask(0, "general"),))
    assert (0, "portable_from_donor") in order
    assert [task for task in order if task.repetition == 1] == [
        (1, "general"),
        (1, "portable"),
        (1, "portable_from_donor"),
        (1, "portable_frozen"),
    ]
    assert schedule.blocked() == [(0, "portable"), (0, "portable_frozen")]
    assert schedule.is_settled(0)


def test_a_repetition_is_settled_when_nothing_of_it_waits_or_runs() -> None:
    schedule = Schedule(plan())
    schedule.settle(schedule.next() or StudyTask(9, ""), failed=False)
    assert not schedule.is_settled(0)
    portable = schedule.next() or StudyTask(9, "")
    assert not schedule.is_settled(0)
    schedule.settle(portable, failed=False)
    assert schedule.is_settled(0)
    assert not schedule.is_settled(1)


def test_the_best_parent_is_one_of_all_repetitions() -> None:
    schedule = Schedule(plan(parent="best"))
    assert schedule.parents(StudyTask(0, "portable")) == [(0, "general"), (1, "general")]
    assert drained(schedule) == [(0, "general"), (1, "general"), (0, "portable"), (1, "portable")]
    failing = Schedule(plan(parent="best"))
    assert drained(failing, (StudyTask(1, "general"),)) == [(0, "general"), (1, "general")]
    assert failing.blocked() == [(0, "portable"), (1, "portable")]
