from __future__ import annotations

import subprocess
import sys

import pytest
from benchmark_features import Cost, measure, show

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are measured as Linux does")


@linux
def test_a_process_is_measured_with_its_memory() -> None:
    small, large = (measure([sys.executable, "-c", f"x = bytearray({size})"]) for size in (1, 200_000_000))
    assert 190 < large.memory - small.memory < 230
    assert small.processor > 0
    with pytest.raises(subprocess.CalledProcessError):
        measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_slope_is_of_all_runs() -> None:
    costs = {count: [Cost(10 + 2 * count + noise, 0, 0) for noise in (-1, 1)] for count in (4, 8, 16)}
    lines = show("seconds", costs).splitlines()
    assert [line.split("ratio ")[-1] for line in lines[:3]] == ["1.00", "1.44", "2.33"]
    assert lines[3].split() == ["seconds", "slope", "2.000", "an", "image", "of", "each", "domain,", "constant", "10.0"]
    further = show("seconds", costs, 500).splitlines()
    assert further[:4] == lines
    assert further[4].split() == ["seconds", "500", "images:", "1010.0,", "EXTRAPOLATED,", "not", "measured"]
