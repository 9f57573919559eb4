"""Features that are collected on a Ray cluster are those that one process collects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ray_in_process import RayInProcess

from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.jobs import CollectJob, FeatureJob, JobRunner, RayJobs, UnitJob, do_here
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.utils.errors import ClusterError
from monai_lungxfer.utils.extras import connected
from monai_lungxfer.utils.progress import begin_silently


def make_jobs(folder: Path, networks: Sequence[ComparedNetwork], domains: Sequence[ImageSet]) -> list[FeatureJob]:
    folder.mkdir()
    how = ("cpu", "float32")
    collecting = [
        CollectJob(tuple(networks), one, {net.label: folder / f"{net.label}-{one.name}" for net in networks}, 0, *how)
        for one in domains
    ]
    return [*collecting, *(UnitJob(one, tuple(domains), folder / f"units-{one.label}", *how) for one in networks)]


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_alike(run: JobRunner, tmp_path: Path, networks: list[ComparedNetwork], domains: list[ImageSet]) -> None:
    do_here(make_jobs(tmp_path / "here", networks, domains), begin_silently)
    run(make_jobs(tmp_path / "there", networks, domains), begin_silently)
    assert len(written(tmp_path / "here")) == len(networks) * (len(domains) + 1)
    assert written(tmp_path / "there") == written(tmp_path / "here")


def test_a_job_whose_worker_is_lost_is_done_by_another_one(
    tmp_path: Path, compared: list[ComparedNetwork], radiographs: ImageSet
) -> None:
    ray = RayInProcess(lambda begun: begun == 1)
    assert_alike(RayJobs(ray), tmp_path, compared[:2], [radiographs])
    assert ray.begun == 2 + 2 + 1  # networks on the domain, their units, and what was lost


def test_a_job_that_ends_its_workers_ends_the_run(
    tmp_path: Path, compared: list[ComparedNetwork], radiographs: ImageSet
) -> None:
    jobs = make_jobs(tmp_path / "x", compared[:1], [radiographs])
    with pytest.raises(
        ClusterError, match=r"was ended \(2 times, on the cluster\): 2 of 2 parts are not done.*--resume"
    ):
        RayJobs(RayInProcess(lambda _: True))(jobs, begin_silently)


def test_steps_are_told(tmp_path: Path, compared: list[ComparedNetwork], radiographs: ImageSet) -> None:
    begun: list[Any] = []
    done: list[int] = []
    jobs = make_jobs(tmp_path / "x", compared[:2], [radiographs])[:1]
    RayJobs(RayInProcess())(jobs, lambda *one: begun.append(one) or done.append)  # type: ignore[func-returns-value]
    assert begun == [("On the cluster", 16)]
    assert done == [8, 8]


@pytest.mark.slow
def test_a_real_cluster_gives_what_one_process_gives(
    ray_cluster: str, tmp_path: Path, compared: list[ComparedNetwork], radiographs: ImageSet, slices: ImageSet
) -> None:
    with connected(ray_cluster) as ray:
        assert_alike(RayJobs(ray), tmp_path, compared[:2], [radiographs, slices])
