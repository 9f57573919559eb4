"""Ray in this process: what is called remotely is done when its result is asked for, and a worker can be lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class LostWorkerError(Exception):
    """Ray's error for what a worker has not done."""


class RayInProcess:
    """What `monai_lungxfer.inference.ray_workers` needs of Ray; work goes to its workers and back pickled.

    Parameters
    ----------
    is_lost : callable
        Whether the worker is lost, given how often work was begun before.
    """

    exceptions = SimpleNamespace(RayError=LostWorkerError, ActorUnavailableError=())

    def __init__(self, is_lost: Callable[[int], bool] = lambda _: False) -> None:
        self.is_lost = is_lost
        self.begun = 0

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, **_: Any) -> Callable[[type], Any]:
        return lambda kind: SimpleNamespace(remote=lambda *given: self._start(kind(*pickle.loads(pickle.dumps(given)))))

    def _start(self, worker: Any) -> Any:
        def work(tasks: Any) -> Any:
            self.begun += 1
            if self.is_lost(self.begun - 1):
                raise LostWorkerError("Worker unexpectedly exits")
            return pickle.loads(pickle.dumps(worker.work(pickle.loads(pickle.dumps(tasks)))))

        remote = {"ready": lambda: worker.ready, "work": lambda tasks: lambda: work(tasks)}
        return SimpleNamespace(**{name: SimpleNamespace(remote=call) for name, call in remote.items()})

    def wait(self, references: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return references[-1:], references[:-1]  # the last first: the order is nobody's to rely on

    def get(self, reference: Callable[[], Any], timeout: float = 0) -> Any:
        return reference()

    def kill(self, actor: Any) -> None: ...
