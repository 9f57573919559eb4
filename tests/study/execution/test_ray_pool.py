"""A study on a real Ray cluster of two workers, one of which is killed, gives what one process gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray_nodes import KilledWorker
from tiny_study import outcome, tiny_plan

from monai_lungxfer.study.execution.ray_pool import RayPool
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError


class Most:
    """How many steps ran at the same time, at most."""

    now = most = 0

    def begin(self, *_: Any) -> None: ...

    def started(self, *_: Any) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def ended(self, *_: Any) -> None:
        self.now -= 1


@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_give_what_one_process_gives(
    ray_cluster: str, undisturbed: Path, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path))
    sign = plan.out / "repetition-000" / "general" / "models" / "resume.pt"
    killer = KilledWorker(sign.exists, "run_step")
    watcher = Most()
    with RayPool.at(ray_cluster) as pool:
        end = run_study(plan, "", pool, watcher)
    killer.join()
    assert killer.killed
    assert (len(end.done), end.failed, end.blocked) == (4, {}, ())
    assert watcher.most == 2
    assert outcome(plan.out) == outcome(undisturbed)


@pytest.mark.slow
def test_a_step_whose_workers_are_lost_too_often_has_failed(
    ray_cluster: str, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, repetitions=1, retries=0))
    sign = plan.out / "repetition-000" / "general" / "models" / "resume.pt"
    killer = KilledWorker(sign.exists, "run_step")
    with RayPool.at(ray_cluster) as pool:
        end = run_study(plan, "", pool)
    killer.join()
    assert killer.killed
    assert set(end.failed) == {(0, "general")}
    assert "WorkerCrashedError" in end.failed[0, "general"]  # type: ignore[index]
    assert end.blocked == ((0, "portable"),)
    assert (plan.out / "repetition-000" / "general" / "failed.json").is_file()


@pytest.mark.slow
def test_a_plan_that_asks_for_more_than_there_is_is_refused(
    ray_cluster: str, study_inputs: Path, tmp_path: Path
) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, gpus=1, threads=2))
    with RayPool.at(ray_cluster) as pool, pytest.raises(LungXferError, match=r"takes 2 CPU, 1 GPU.*has 2 CPU, 0 GPU"):
        run_study(plan, "", pool)
