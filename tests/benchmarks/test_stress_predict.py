"""Files of mixed kinds through the real command, which is killed in the middle and goes on."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")
from mixed_files import BROKEN, WHOLE, write_mixed_files
from stress_predict import Run, faults, growth, stress

FILES, SPOILT = 60, 10


def run_of(memory: list[tuple[int, float]], exit_code: int = 1) -> Run:
    return Run(exit_code, memory[-1][0], first_file=1.0, seconds=11.0, processor=5.0, memory=memory)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_with_what_is_left(tmp_path: Path) -> None:
    broken = write_mixed_files(tmp_path / "in", FILES, SPOILT, heights=(100, 200))
    result = stress(tmp_path / "in", tmp_path / "out", ["--device", "cpu"], kill_at=FILES // 3, interval=0.02)
    first, second = result["runs"]
    assert (first.exit_code, second.exit_code) == (-signal.SIGKILL, 1)
    assert FILES // 3 - SPOILT <= result["done_before"] < FILES - SPOILT
    assert result["twice"] == []
    assert second.files == FILES - result["done_before"]
    assert result["done"] == FILES - SPOILT
    assert sorted(result["skipped"]) == sorted(broken)


def test_every_kind_is_written(tmp_path: Path) -> None:
    broken = write_mixed_files(tmp_path / "in", 40, 12, heights=(60, 80))
    names = {path.relative_to(tmp_path / "in").as_posix() for path in (tmp_path / "in").rglob("*") if path.is_file()}
    assert len(names) == 40
    assert len(set(broken)) == 12
    assert names > set(broken)
    suffixes = {Path(name).suffix for name in names}
    assert suffixes == {Path(f"x{suffix}").suffix for _, suffix in (*WHOLE.values(), *BROKEN.values())}


def test_growth_is_the_slope_after_the_warm_up() -> None:
    flat = [(number, 500.0 if number < 10 else 900.0) for number in range(1, 101)]
    assert growth(run_of(flat)) == pytest.approx(0, abs=1e-6)
    step = [(number, 500.0 if number < 80 else 750.0) for number in range(1, 101)]
    assert growth(run_of(step)) == pytest.approx(0, abs=1e-6)
    rising = [(number, 900 + 0.3 * number) for number in range(1, 101)]
    assert growth(run_of(rising)) == pytest.approx(300)


def test_each_fault_is_named() -> None:
    flat = [(number, 900.0) for number in range(1, 1001)]
    right = {
        "runs": [run_of(flat, -signal.SIGKILL), run_of(flat)],
        "done_before": 1000,
        "twice": [],
        "done": 1998,
        "skipped": ["b", "a"],
    }
    assert faults(right, ["a", "b"], 2000) == []
    grown = run_of([(number, 900.0 + number) for number in range(1, 1001)])
    wrong = {"runs": [run_of(flat), grown], "done_before": 999, "twice": ["x"], "done": 1997, "skipped": ["a"]}
    assert len(faults(wrong, ["a", "b"], 2000)) == 6
