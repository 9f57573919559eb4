"""Checks of a GPU: what they say where there is none, and of results that are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gpu_check
import pytest
import torch
from source_tree import REPOSITORY


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_tried_and_said_so() -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", str(REPOSITORY / "scripts" / "gpu_check.sh")],
        env={"PATH": path, "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Untried: no GPU" in done.stdout
    assert done.stdout.count("skipped") == 9
    assert not {"passed", "FAILED"} & set(done.stdout.split())


def test_every_check_ends_in_a_row(tmp_path: Path) -> None:
    def skipping(_: object) -> str:
        raise gpu_check.SkippedError("no package")

    def failing(_: object) -> str:
        raise gpu_check.FailedError("Dice 0.5")

    def breaking(_: object) -> str:
        raise RuntimeError("out of memory\nand more")

    checks = {"a": lambda _: "fine", "b": skipping, "c": failing, "d": breaking}
    rows = gpu_check.run_checks(gpu_check.Trial(torch.device("cpu"), tmp_path), checks)
    assert [(name, result, said) for name, result, _, said in rows] == [
        ("a", "passed", "fine"),
        ("b", "skipped", "no package"),
        ("c", "FAILED", "Dice 0.5"),
        ("d", "FAILED", "RuntimeError: out of memory"),
    ]


def test_masks_that_differ_fail(tmp_path: Path) -> None:
    trial = gpu_check.Trial(torch.device("cpu"), tmp_path)
    logits = torch.full((1, 1, 8, 8), -5.0)
    logits[..., :4, :] = 5
    trial.reference = (torch.zeros(1, 3, 8, 8), logits)
    assert gpu_check.compare_logits(logits * 2, trial).startswith("Dice 1.00000, largest difference 6.6e-03")
    with pytest.raises(gpu_check.FailedError, match=r"Dice 0\.66"):
        gpu_check.compare_logits(logits.where(torch.arange(8) < 4, -5.0), trial)
