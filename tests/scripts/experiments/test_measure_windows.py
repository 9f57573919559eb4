"""How much a window leaves to see, by `scripts/experiments/measure_windows.py`."""

from __future__ import annotations

import numpy as np
import pytest
from measure_windows import WINDOWS, shown, table

VALUES = np.linspace(0, 4095, 4096, dtype=np.float32).reshape(64, 64)


@pytest.mark.parametrize(("window", "share"), [((0, 1024), 0.25), ((0, 2048), 0.5), ((0, 4095), 1), (None, 0.9)])
def test_the_share_of_a_window_is_that_of_its_values(window: tuple[float, float] | None, share: float) -> None:
    pixels, seen = shown(VALUES, window)
    assert seen == pytest.approx(share, abs=0.02)
    assert np.ptp(pixels) == pytest.approx(share * 4095, rel=0.02)


def test_the_table_has_a_row_for_each_window() -> None:
    lines = table([(name, 0.5, 0.75) for name in WINDOWS for _ in range(3)]).splitlines()
    assert len(lines) == 2 + len(WINDOWS)
    assert lines[2].endswith("| 3 | 0.50, 0.50, 0.50 | 0.75, 0.75, 0.75 |")
