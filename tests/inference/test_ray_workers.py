"""Shares are given out anew so often and not more: a file that ends workers is found, a lost cluster is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monai_lungxfer.inference import ray_workers
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult, plan
from monai_lungxfer.inference.ray_workers import RayWorkers, Share, count_workers
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.inference.trial import crashed
from monai_lungxfer.utils.errors import ClusterError, LungXferError, OutputError


class LostError(Exception):
    """Ray's error for what a worker has not done."""


class UnavailableError(LostError):
    """Ray's error for a worker that it cannot reach just now."""


class FakeRay:
    """Ray in this process: what is called remotely is done when its result is asked for."""

    exceptions = SimpleNamespace(RayError=LostError, ActorUnavailableError=UnavailableError)

    def __init__(self, work: Callable[[list[str]], Any], processors: int = 2, *, answers: bool = True) -> None:
        self.work, self.processors, self.answers = work, processors, answers
        self.started = self.killed = 0
        self.shares: list[list[str]] = []

    def start(self) -> Any:
        self.started += 1
        work, ready = SimpleNamespace(remote=self.begin), SimpleNamespace(remote=lambda: lambda: self.work([]))
        return SimpleNamespace(work=work, ready=ready)

    def begin(self, tasks: list[PlannedResult]) -> Callable[[], Any]:
        names = [task.item.name for task in tasks]
        self.shares.append(names)
        return lambda: self.work(names)

    def wait(self, references: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        assert len(references) >= num_returns
        return (references[:1], references[1:]) if self.answers else ([], references)

    def get(self, reference: Callable[[], Any], timeout: float = 0) -> Any:
        return reference()

    def kill(self, actor: Any) -> None:
        self.killed += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.processors}


def shares(*names: str) -> list[Share]:
    return [Share(plan([InputFile(Path(name), name) for name in share], OutputOptions())) for share in names]


def rows(names: list[str]) -> list[Prediction]:
    return [Prediction(file=name) for name in names]


def test_a_file_that_ends_its_workers_is_skipped_and_no_other_one() -> None:
    def work(names: list[str]) -> list[Prediction]:
        if "b" in names:
            raise LostError("The actor died unexpectedly before finishing this task.")
        return rows(names)

    ray = FakeRay(work)
    made = {row.file: row for row in RayWorkers(ray, ray.start, 2, crashed).run(shares("abc", "de"))}
    assert {name: row.status for name, row in made.items()} == dict.fromkeys("acde", "done") | {"b": "skipped"}
    assert "was ended (2 times, on the cluster)" in made["b"].reason
    assert sorted(map("".join, ray.shares)) == ["a", "abc", "b", "b", "c", "de"]
    assert ray.killed == ray.started


def test_a_lost_machine_is_no_fault_of_the_files_but_not_for_ever() -> None:
    lost = []

    def work(names: list[str], most: int) -> list[Prediction]:
        if names and len(lost) < most:
            lost.append(names)
            raise LostError("The actor died because its node has died. Node Id: 00")
        return rows(names)

    ray = FakeRay(lambda names: work(names, 3))
    assert list(RayWorkers(ray, ray.start, 1, crashed).run(shares("ab"))) == rows(["a", "b"])
    assert lost == [["a", "b"]] * 3
    lost.clear()
    ray = FakeRay(lambda names: work(names, 99))
    with pytest.raises(ClusterError, match="loses its machines again and again"):
        list(RayWorkers(ray, ray.start, 1, crashed).run(shares("ab")))
    assert len(lost) == 4


@pytest.mark.parametrize(
    ("last_word", "expected"),
    [("its node has died", ["ab", "ab"]), ("Worker unexpectedly exits", ["ab", "a", "b"]), ("", ["ab", "ab"])],
)
def test_a_worker_that_is_unavailable_is_asked_after(
    monkeypatch: pytest.MonkeyPatch, last_word: str, expected: list[str]
) -> None:
    answers = [UnavailableError("Socket closed"), LostError(last_word)]

    def work(names: list[str]) -> list[Prediction]:
        if not names and len(answers) == 2:
            return []  # it is ready
        if answers and (names or last_word):
            raise answers.pop(0)
        return rows(names)

    slept: list[float] = []
    monkeypatch.setattr(ray_workers.time, "sleep", slept.append)
    ray = FakeRay(work)
    made = {row.file: row.status for row in RayWorkers(ray, ray.start, 1, crashed).run(shares("ab"))}
    assert made == {"a": "done", "b": "done"}
    assert list(map("".join, ray.shares))[: len(expected)] == expected
    assert slept[0] == 1


def test_workers_that_cannot_start_are_not_started_for_ever() -> None:
    def work(names: list[str]) -> list[Prediction]:
        raise LostError

    ray = FakeRay(work)
    with pytest.raises(ClusterError, match="a worker cannot be started"):
        list(RayWorkers(ray, ray.start, 1, crashed).run(shares("ab")))
    assert ray.started == 4


def test_a_cluster_without_processors_is_not_waited_for() -> None:
    ray = FakeRay(rows, processors=0, answers=False)
    with pytest.raises(ClusterError, match="lost all its processors"):
        list(RayWorkers(ray, ray.start, 1, crashed).run(shares("ab")))


def test_what_cannot_be_written_ends_the_run() -> None:
    ray = FakeRay(lambda names: OutputError("cannot be written") if names else None)
    with pytest.raises(OutputError, match="cannot be written"):
        list(RayWorkers(ray, ray.start, 1, crashed).run(shares("ab")))
    assert ray.killed == ray.started == 1


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"CPU": 4.0}, (4, 0)),
        ({"CPU": 8.0, "GPU": 2.0}, (2, 1)),
        ({"CPU": 2.0, "GPU": 4.0}, (2, 1)),
        ({"CPU": 2.0, "GPU": 0.5}, (2, 0)),
    ],
)
def test_there_are_as_many_workers_as_the_cluster_has_room_for(
    resources: dict[str, float], expected: tuple[int, int]
) -> None:
    assert count_workers(resources, takes_gpus=True) == expected
    assert count_workers(resources, takes_gpus=False) == (int(resources["CPU"]), 0)


def test_a_cluster_without_a_processor_is_refused() -> None:
    with pytest.raises(LungXferError, match="no processor"):
        count_workers({"memory": 1e9, "GPU": 1.0}, takes_gpus=True)
