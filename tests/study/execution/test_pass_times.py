"""Passes through a network are timed one by one, and summed up without the first."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_lungxfer.study.execution.pass_times import TimedInferer, read_passes


def test_every_pass_is_a_line_and_the_file_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "passes_ms.txt"
    file.write_text("999\n")  # of an attempt before
    inferer = TimedInferer(lambda inputs, network: network(inputs), file)
    image = torch.ones(1, 1, 2, 2)
    assert all(torch.equal(inferer(image, lambda x: 2 * x), 2 * image) for _ in range(3))
    times = [float(line) for line in file.read_text().split()]
    assert len(times) == 3
    assert all(0 <= time < 500 for time in times)


def test_the_first_pass_is_left_out_of_mean_and_deviation(tmp_path: Path) -> None:
    file = tmp_path / "passes_ms.txt"
    file.write_text("50.0\n2.0\n4.0\n")
    assert read_passes(file) == {"network_ms": 3.0, "network_ms_sd": pytest.approx(2**0.5), "passes": 2}
    file.write_text("7.0\n")
    assert read_passes(file) == {"network_ms": 7.0, "network_ms_sd": None, "passes": 1}
    assert read_passes(tmp_path / "none.txt") == {"network_ms": None, "network_ms_sd": None, "passes": 0}
