"""A Ray cluster of two nodes on this machine, one processor each, and the loss of one of its workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """Its address."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


class KilledWorker(threading.Thread):
    """Ends one of this process's Ray workers as soon as there is a sign of its work.

    Parameters
    ----------
    sign : callable
        Whether the work has begun.
    name : str
        What the titles of the workers that count contain; Ray puts its own words around it.
    """

    def __init__(self, sign: Callable[[], Any], name: str) -> None:
        super().__init__(daemon=True)
        self.sign = sign
        self.wanted = name
        self.killed = False
        self.start()

    def run(self) -> None:
        """Wait for the sign, and kill the first worker found."""
        while not self.sign():
            time.sleep(0.01)
        for process in psutil.Process().children(recursive=True):
            title = process.name()
            if title.startswith("ray::") and self.wanted in title:
                process.kill()
                self.killed = True
                return
