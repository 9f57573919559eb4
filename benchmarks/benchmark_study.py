"""What a study costs beyond its repetitions, and whether memory grows with their number, on tiny phantoms.

    python benchmarks/benchmark_study.py --repetitions 100

Printed are the time of the whole study, on the clock and of the processor, against that of its repetitions (the median
of all, times their number), and the resident memory of the process by repetition. Steps run one after the other in
this process, tracked by MLflow. Where others use the machine as well, the processor's time is the one to look at.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.execution.schedule import StudyTask
from monai_lungxfer.study.plan.arms import PAPER_ARM
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.synthetic.phantoms import write_phantoms

STAGE = {"max_epochs": 2, "image_size": 32, "batch_size": 4, "settings": {"network_def#init_features": 4}}


def now() -> tuple[float, float]:
    """Return the clock and the processor's time, in seconds."""
    return time.perf_counter(), time.process_time()


class Meter:
    """Time and memory when each repetition ends."""

    def __init__(self, last: str) -> None:
        self.last = last
        self.process = psutil.Process()
        self.times = [now()]
        self.memory: list[float] = []

    def begin(self, *_: Any) -> None:
        """Start the clock: what was before is the study's and not a repetition's."""
        self.times = [now()]

    def started(self, task: StudyTask) -> None:
        """Do nothing."""

    def ended(self, task: StudyTask, error: str | None) -> None:
        """Read the meters when the last step of a repetition has ended."""
        if error is not None:
            raise SystemExit(error)
        if task.step == self.last:
            self.times.append(now())
            self.memory.append(self.process.memory_info().rss / 1e6)


def tiny_plan(folder: Path, repetitions: int) -> StudyPlan:
    """Make phantoms and a small donor, and plan the paper's arm on them."""
    write_phantoms(folder / "data", donor=2, general=14, portable=24, size=64)
    torch.save(DonorUNet(init_features=4).state_dict(), folder / "donor.pt")
    return StudyPlan.model_validate(
        {
            "data": folder / "data",
            "out": folder / "study",
            "donor": str(folder / "donor.pt"),
            "repetitions": repetitions,
            "arms": [PAPER_ARM],
            "threads": 1,
            "precision": "float32",
            "stages": {"general": STAGE, "portable": STAGE},
        }
    )


def main() -> None:
    """Run the study and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=100, help="at least 4")
    repetitions = parser.parse_args().repetitions
    if repetitions < 4:
        parser.error("--repetitions must be at least 4: memory is compared over the second half")
    with tempfile.TemporaryDirectory() as folder:
        plan = tiny_plan(Path(folder), repetitions)
        meter = Meter("portable")
        started = now()
        run_study(plan, f"sqlite:///{plan.out}/mlruns.db", watcher=meter)
        whole = np.subtract(now(), started)
    for name, seconds, each in zip(("clock", "processor"), whole, np.diff(meter.times, axis=0).T, strict=True):
        usual = statistics.median(each)
        print(
            f"{name}: study {seconds:.1f} s, a repetition {each.min():.2f} to {each.max():.2f} s, median {usual:.2f} s"
        )
        print(f"{name}: study / (repetitions x median) {seconds / (repetitions * usual):.3f}")
    marks = sorted({0, 1, 4, 9, 24, 49, 74, repetitions - 1} & set(range(repetitions)))
    print("memory, MB: " + ", ".join(f"{meter.memory[mark]:.0f} after {mark + 1}" for mark in marks))
    half = repetitions // 2
    growth = np.polyfit(np.arange(half, repetitions), meter.memory[half:], 1)[0] * 1000
    print(f"growth over the second half: {growth:.0f} kB a repetition")


if __name__ == "__main__":
    main()
