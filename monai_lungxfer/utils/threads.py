"""How many processor threads PyTorch works with, and how they wait for one another."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def wait_asleep() -> None:
    """Let threads that wait for others sleep instead of spin; has an effect only before PyTorch is imported.

    OpenMP's threads meet hundreds of times in a training step. By default they wait in a loop that keeps its core
    busy. Where another program has one of the cores, that costs several times the processor time of the work itself.
    The variable, when it is set already, is left as it is.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def granted_cores() -> int:
    """Return how many cores this process may use: by its affinity, and by a container's or batch queue's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(_quota())))


def _quota() -> float:
    """Return the cores that the control group grants: version 2, else version 1, else all of the machine."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((CGROUP / name).read_text(encoding="ascii") for name in names).split()
            if quota not in ("max", "-1"):
                return int(quota) / int(period)
        except (OSError, ValueError):
            continue
    return os.cpu_count() or 1


def use_threads(wanted: int | None = None) -> int:
    """Set the number of PyTorch's threads in this process, and return it.

    By default it is what ``OMP_NUM_THREADS`` says, else PyTorch's choice (the physical cores) within `granted_cores`.
    The load of the machine has no say: the last digits of a training depend on the number of threads, so the same
    training would end with other weights on a busy day.
    """
    import torch

    if wanted is None:
        wanted = torch.get_num_threads()
        if "OMP_NUM_THREADS" not in os.environ:
            wanted = min(wanted, granted_cores())
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)
    return wanted


def threads_in_use() -> int | None:
    """Return the number of PyTorch's threads in this process, ``None`` where PyTorch is not imported."""
    torch = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())
