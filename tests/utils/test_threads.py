from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from monai_lungxfer.utils import threads
from monai_lungxfer.utils.threads import granted_cores, use_threads, wait_asleep


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of eight cores, without a quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu.max": "something else"}, 8),
    ],
)
def test_cores_that_affinity_and_container_grant(machine: Path, files: dict[str, str], cores: int) -> None:
    for name, content in files.items():
        (machine / name).parent.mkdir(exist_ok=True)
        (machine / name).write_text(content)
    assert granted_cores() == cores


def test_the_affinity_counts(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert granted_cores() == 1


def test_what_is_wanted_wins_then_the_variable_then_the_quota(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "cpu.max").write_text("200000 100000")
    torch.set_num_threads(5)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert use_threads() == torch.get_num_threads() == 5
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert use_threads() == torch.get_num_threads() == 2
    assert use_threads(3) == torch.get_num_threads() == 3


def test_a_way_of_waiting_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    wait_asleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
