"""What `scripts/experiments/measure_engines.py` prints."""

from __future__ import annotations

import pytest
from measure_engines import print_table


def test_rows_are_compared_image_by_image_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    dice = {"torch float32": [0.9, 0.8, 0.7], "onnx float32": [0.9, 0.82, 0.67]}
    print_table(dice, {"half 0": [0, 1], "covid19 (2)": [1, 2]})
    heading, _, first, second = capsys.readouterr().out.splitlines()
    assert heading.count("|") == first.count("|") == second.count("|") == 7
    assert "| 0.8500 ± 0.0707 | 0.7500 ± 0.0707 | 0.8000 | +0.00000 |" in first
    assert "| 0.8200 | -0.00333 | -0.0300 to +0.0200 |" in second
