"""Running the steps of a study on a Ray cluster; what comes out is what one process would give."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monai_lungxfer.study.execution.begin import Study
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.study.execution.step_run import record_failure, run_step
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import connected


class RayPool:
    """Runs each step as a task of Ray that takes the plan's processors and GPUs; `RayPool.at` connects one.

    A step whose worker is lost is given to another one, up to the plan's `retries`, and continues after the last epoch
    that was finished. All machines must see the data and the study's folder under the same paths.
    """

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        self._task = ray.remote(run_step)
        self._jobs: dict[Any, StepJob] = {}
        self._begun = False

    @classmethod
    @contextmanager
    def at(cls, address: str) -> Iterator[RayPool]:
        """Give a pool at an address for as long as the block takes, see `connected`."""
        with connected(address) as ray:
            yield cls(ray)

    def slots(self, study: Study) -> int:
        """Return how many steps of a study the cluster, as it is now, has processors and GPUs for.

        A `LungXferError` is raised when it has not enough for one.
        """
        total = self.ray.cluster_resources()
        needs = {name: need for name, need in (("CPU", study.threads), ("GPU", study.plan.gpus)) if need}
        slots = min(math.floor(total.get(name, 0) / need) for name, need in needs.items())
        if not slots and not self._begun:
            wanted, there = (
                ", ".join(f"{numbers.get(name, 0):g} {name}" for name in needs) for numbers in (needs, total)
            )
            raise LungXferError(
                f"a step of the plan takes {wanted}, the whole cluster has {there}",
                remedy="Lower the plan's threads or gpus",
            )
        return max(1, slots)  # while machines of the cluster are away, what is handed to it waits for them

    def start(self, job: StepJob) -> None:
        """Hand a step to the cluster."""
        needs = {"num_cpus": job.study.threads, "num_gpus": job.plan.gpus, "max_retries": job.plan.retries}
        self._begun = True
        self._jobs[self._task.options(**needs).remote(job)] = job

    def wait(self) -> tuple[StepJob, str | None]:
        """Return the first step that has ended; one whose workers were lost too often has failed."""
        (reference,), _ = self.ray.wait(list(self._jobs), num_returns=1)
        job = self._jobs.pop(reference)
        try:
            return job, self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return job, record_failure(job, error)
