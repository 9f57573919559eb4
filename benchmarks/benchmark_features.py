"""Measure what `lungxfer features` costs against the number of images: time, processor time and peak memory.

    python benchmarks/benchmark_features.py [--images 16 32 64] [--rounds 1] [--weights donor,random] [--threads 2]
        [--image-size 128] [--data cxr=DIR mri=DIR] [--extrapolate 500]

Each run is a process of its own on so many images of each domain; the sizes take turns. Without --data, the images are
phantoms. Printed are medians with ranges, ratios to the fewest images, and the slope: what one more image of each
domain costs, by least squares over all runs. --extrapolate follows it to more images, which is no measurement.
Processor time is hardly disturbed by other programs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monai_lungxfer.synthetic.phantoms import write_phantoms

COMMAND = (sys.executable, "-c", "from monai_lungxfer.cli import main; main()", "features")

# A small process in between: Linux counts the memory of the process that starts another one as that one's peak, too.
_WATCH = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


class Cost(NamedTuple):
    """Of a process: seconds by the clock, seconds of the processor, and peak memory in units of a million bytes."""

    seconds: float
    processor: float
    memory: float


def measure(command: list[str]) -> Cost:
    """Run a command and return what it cost; raises `CalledProcessError` when it fails."""
    started = time.perf_counter()
    told = subprocess.run(  # noqa: S603 - this package's own command
        [sys.executable, "-c", _WATCH, *command], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    processor, memory = map(float, told.split())
    return Cost(time.perf_counter() - started, processor, memory * 1024 / 1e6)


def show(name: str, costs: dict[int, list[Cost]], further: int | None = None) -> str:
    """Return a line for each number of images, the slope, and where it leads, of one kind of cost."""
    values = {count: [getattr(cost, name) for cost in own] for count, own in costs.items()}
    fewest = statistics.median(values[min(values)])
    lines = [
        f"{name:10} {count:5} images: {statistics.median(own):9.1f} ({min(own):.1f} to {max(own):.1f}), "
        f"ratio {statistics.median(own) / fewest:.2f}"
        for count, own in sorted(values.items())
    ]
    if len(values) > 1:
        points = [(count, value) for count, own in values.items() for value in own]
        slope, constant = np.polyfit(*zip(*points, strict=True), 1)
        lines.append(f"{name:10} slope {slope:.3f} an image of each domain, constant {constant:.1f}")
        if further is not None:
            lines.append(f"{name:10} {further:5} images: {constant + slope * further:9.1f}, EXTRAPOLATED, not measured")
    return "\n".join(lines)


def main() -> None:
    """Measure the sizes in turn and print the costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[16, 32, 64], help="of each domain")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--weights", default="donor,random")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--image-size", type=int, help="longest side of the networks' input")
    parser.add_argument("--extrapolate", type=int, metavar="N", help="also tell what N images would cost")
    parser.add_argument("--data", nargs="+", help="NAME=DIR of each domain; phantoms by default")
    arguments = parser.parse_args()
    costs: dict[int, list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = arguments.data
        if data is None:
            write_phantoms(folder / "data", donor=max(arguments.images), general=0, portable=max(arguments.images))
            data = [f"cxr={folder / 'data' / 'portable'}", f"mri={folder / 'data' / 'lgg' / 'kaggle_3m'}"]
        how = ["--weights", arguments.weights, "--threads", str(arguments.threads), "--overwrite"]
        how += ["--image-size", str(arguments.image_size)] if arguments.image_size else []
        for _ in range(arguments.rounds):
            for count in arguments.images:
                out = ["--limit", str(count), "--out", str(folder / "out"), "--data", *data]
                costs[count].append(measure([*COMMAND, *how, *out]))
                print(f"{count} images of each domain: {costs[count][-1]}", file=sys.stderr, flush=True)
    print(f"{arguments.weights}, {arguments.threads} threads, {arguments.rounds} rounds; median (range)")
    for kind in Cost._fields:
        print(show(kind, costs, arguments.extrapolate))


if __name__ == "__main__":
    main()
