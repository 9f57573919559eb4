"""A trial on a Ray cluster gives what one process gives, and a lost worker loses no more than its unit."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray_in_process import RayInProcess
from ray_nodes import KilledWorker

from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.run import TrialResult, run_trial
from monai_lungxfer.robustness.unit_runners import RayUnits, UnitRunner, measure_here
from monai_lungxfer.utils.extras import connected

DESIGN = Design(("markers",), (1.0,), 1)
RESULTS = ("pairs.csv", "images.csv", "tables/summary.csv", "tables/compared.csv")


def measure(run: UnitRunner, weights: list[Path], data: Path, out: Path, **how: object) -> TrialResult:
    return run_trial(list(map(str, weights)), data, out, DESIGN, device="cpu", threads=1, run=run, **how)  # type: ignore[arg-type]


def assert_alike(one: Path, other: Path) -> None:
    for name in RESULTS:
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.fixture(scope="module")
def here(marked_data: Path, small_weights: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measure(measure_here, small_weights, marked_data, tmp_path_factory.mktemp("here")).page.parent


def test_a_unit_whose_worker_is_lost_is_measured_by_another_one(
    here: Path, marked_data: Path, small_weights: list[Path], tmp_path: Path
) -> None:
    ray = RayInProcess(lambda begun: begun == 2)
    result = measure(RayUnits(ray), small_weights, marked_data, tmp_path)
    assert (result.skipped, ray.begun) == (0, 8 + 1)
    assert_alike(tmp_path, here)


def test_a_unit_that_ends_its_workers_is_skipped_alone_and_resumed(
    here: Path, marked_data: Path, small_weights: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ray = RayInProcess(lambda begun: begun in (0, 1))  # the first unit, and when it is tried again
    result = measure(RayUnits(ray), small_weights, marked_data, tmp_path)
    assert (result.skipped, len(result.outcome.plain)) == (1, 7)
    assert "was ended (2 times, on the cluster)" in caplog.text
    assert "Smith" not in caplog.text
    again = RayInProcess()
    assert measure(RayUnits(again), small_weights, marked_data, tmp_path, resume=True).skipped == 0
    assert again.begun == 1
    assert_alike(tmp_path, here)


@pytest.mark.slow
def test_a_real_cluster_of_which_a_worker_is_killed_gives_what_one_process_gives(
    ray_cluster: str, here: Path, marked_data: Path, small_weights: list[Path], tmp_path: Path
) -> None:
    journal = tmp_path / "robustness.jsonl"
    killer = KilledWorker(lambda: journal.is_file() and len(journal.read_bytes().splitlines()) > 1, "_UnitWorker")
    with connected(ray_cluster) as ray:
        result = measure(RayUnits(ray), small_weights, marked_data, tmp_path)
    killer.join()
    assert killer.killed
    assert result.skipped == 0
    assert_alike(tmp_path, here)
