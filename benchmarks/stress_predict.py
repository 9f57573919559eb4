"""Send thousands of files of mixed kinds through `lungxfer predict`, kill it in the middle, and let it go on.

    python benchmarks/stress_predict.py --work DIR [--files 5000] [--broken 50] [--out stress.json]

Writes the files into DIR/in (those of an earlier call are used again), runs the command in a process of its own, kills
it with SIGKILL when half of the files are in its journal, and starts it again with `--resume`. Meanwhile the resident
memory of the process is sampled. Prints a table, writes all figures as JSON, and ends with 1 unless every file was
segmented or reported as it should be, none was segmented twice, and memory stayed flat, which 2,000 files or more
can tell.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.stats import theilslopes

sys.path.insert(0, str(Path(__file__).resolve().parent))
from mixed_files import write_mixed_files

from monai_lungxfer.inference.journal import JOURNAL_NAME

__all__ = ["Run", "faults", "growth", "stress"]

_LUNGXFER = (sys.executable, "-c", "from monai_lungxfer.cli import main; main()", "--quiet")
_SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
_WARM = 0.1  # of a run
_FLAT = 50.0  # MB in 1,000 files; one kept plane of 256 x 256 numbers a file would be 260
_ENOUGH = 1000  # files of a run; until the largest ones and every library were met, memory grows
_POINTS = 1000  # of a run's samples, for the slope


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes
    ----------
    exit_code : int
        Of the process, negative for a signal.
    files : int
        That got a line in its journal.
    first_file, seconds : float
        From the start until the first line, and until the end.
    processor : float
        Seconds of processor time that the process took between the two.
    memory : list of (int, float)
        Lines in the journal, and resident memory in MB at that moment.
    """

    exit_code: int
    files: int
    first_file: float
    seconds: float
    processor: float
    memory: list[tuple[int, float]]

    @property
    def rate(self) -> float:
        """Files a second after the first."""
        return (self.files - 1) / (self.seconds - self.first_file)

    def at(self, share: float) -> float:
        """Return the memory in MB when a share of its files was done."""
        return next((memory for done, memory in self.memory if done >= share * self.files), self.memory[-1][1])


def stress(
    inputs: Path, out: Path, options: Sequence[str] = (), *, kill_at: int, interval: float = 0.5
) -> dict[str, Any]:
    """Run, kill and go on.

    Parameters
    ----------
    inputs, out : pathlib.Path
        Folders of the files and of the results.
    options : sequence of str
        More options of `lungxfer predict`.
    kill_at : int
        Lines in the journal at which the first process is killed.
    interval : float
        Seconds between two looks at the process.

    Returns
    -------
    dict
        ``runs``, both of them; ``done_before``, the radiographs that the first one finished; ``twice``, their masks
        that the second one wrote again; and of the final table: ``done``, and the names of those ``skipped``.
    """
    arguments = ["predict", str(inputs), "--out", str(out), *options]
    first = _watched(arguments, out, interval, kill_at=kill_at)
    masks = [row["mask"] for row in _journal(out) if row["status"] == "done"]
    written = {mask: (out / mask).stat().st_mtime_ns for mask in masks}
    second = _watched([*arguments, "--resume"], out, interval, known=len(masks))
    rows = json.loads((out / "predictions.json").read_text(encoding="utf-8"))["predictions"]
    return {
        "runs": [first, second],
        "done_before": len(masks),
        "twice": [mask for mask, at in written.items() if (out / mask).stat().st_mtime_ns != at],
        "done": sum(row["status"] == "done" and (out / row["mask"]).is_file() for row in rows),
        "skipped": [row["file"] for row in rows if row["status"] == "skipped"],
    }


def _watched(
    arguments: Sequence[str], out: Path, interval: float, *, known: int = 0, kill_at: int | None = None
) -> Run:
    """Run the command and look at it again and again; `known` lines of its journal are of the run before."""
    began, start, first = time.time(), time.monotonic(), math.nan
    used_first = used = 0.0
    memory: list[tuple[int, float]] = []
    process = psutil.Popen([*_LUNGXFER, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        files = _lines(out, since=began) - known
        with suppress(psutil.Error):  # it has ended since
            if files > 0:
                used, resident = _used(process), process.memory_info().rss / 1e6
                if math.isnan(first):
                    first, used_first = time.monotonic() - start, used
                memory += [(files, resident)] if resident else []  # a process that has ended has none
            if kill_at is not None and files >= kill_at:
                process.kill()
        time.sleep(interval)
    files, seconds = _lines(out, since=began) - known, time.monotonic() - start
    return Run(process.returncode, files, first, seconds, used - used_first, memory)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _lines(out: Path, since: float) -> int:
    """Return how many files have a whole line in the journal, once a process has begun its own."""
    journal = out / JOURNAL_NAME
    if not journal.is_file() or journal.stat().st_mtime < since:
        return 0
    return len(_rows(journal.read_text(encoding="utf-8")))


def _journal(out: Path) -> list[dict[str, Any]]:
    return list(map(json.loads, _rows((out / JOURNAL_NAME).read_text(encoding="utf-8"))))


def _rows(journal: str) -> list[str]:
    """Return the whole lines of files, without the head, and without the names of files that are in work."""
    lines = journal[: journal.rfind("\n")].split("\n")[1:]
    return [line for line in lines if not line.startswith('{"in_work"')]


def growth(run: Run) -> float:
    """Return by how many MB memory grows in 1,000 files after the warm-up.

    It is the median of the slopes between all pairs of samples (Theil and Sen): a library that is loaded once, when
    the first file needs it, is a step and no growth.
    """
    points = np.array([point for point in run.memory if point[0] > _WARM * run.files])
    if len(points) < 3:
        return math.nan
    files, memory = points[:: math.ceil(len(points) / _POINTS)].T
    return float(1000 * theilslopes(memory, files)[0])


def faults(result: dict[str, Any], broken: Sequence[str], files: int) -> list[str]:
    """Return what is not as it should be."""
    first, second = result["runs"]
    checks = {
        "the first process was not killed": first.exit_code == -signal.SIGKILL,
        "the second process did not end with 1": second.exit_code == 1,
        "masks were written twice": not result["twice"],
        "the second process did not do what was left": second.files == files - result["done_before"],
        "other files were reported than the broken ones": sorted(result["skipped"]) == sorted(broken),
        "not all others were segmented": result["done"] == files - len(broken),
        "memory grows": not any(run.files >= _ENOUGH and growth(run) > _FLAT for run in result["runs"]),
    }
    return [what for what, is_right in checks.items() if not is_right]


def print_table(result: dict[str, Any]) -> None:
    """Print the two runs side by side, as Markdown."""
    first, second = result["runs"]
    print("| | until SIGKILL | with `--resume` |\n|---|---:|---:|")
    rows = {
        "exit code": [run.exit_code for run in result["runs"]],
        "files": [run.files for run in result["runs"]],
        "masks written twice": ["", len(result["twice"])],
        "seconds until the first file": [f"{run.first_file:.0f}" for run in result["runs"]],
        "files a second after it": [f"{run.rate:.1f}" for run in result["runs"]],
        "processor time a file in s": [f"{run.processor / run.files:.3f}" for run in result["runs"]],
        **{f"memory in MB, {share:.0%} done": [f"{run.at(share):.0f}" for run in (first, second)] for share in _SHARES},
        "highest": [f"{max(memory for _, memory in run.memory):.0f}" for run in (first, second)],
        "growth in MB in 1,000 files": [f"{growth(run):.1f}" for run in (first, second)],
    }
    for title, cells in rows.items():
        print(f"| {title} | " + " | ".join(map(str, cells)) + " |")
    print(f"\n{result['done']} segmented, {len(result['skipped'])} reported.")


def _inputs(work: Path, files: int, broken: int) -> list[str]:
    """Return the names of the broken files in DIR/in, which is written unless it is there."""
    listing = work / "broken.json"
    if not listing.is_file():
        names = write_mixed_files(work / "in", files, broken)
        listing.write_text(json.dumps({"files": files, "broken": names}), encoding="utf-8")
    known = json.loads(listing.read_text(encoding="utf-8"))
    if (known["files"], len(known["broken"])) != (files, broken):
        sys.exit(f"{work / 'in'} holds other files; delete it, and {listing.name}")
    return known["broken"]


def main() -> None:
    """Write the files, run, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--broken", type=int, default=50)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    broken = _inputs(arguments.work, arguments.files, arguments.broken)
    shutil.rmtree(arguments.work / "out", ignore_errors=True)
    options = ("--device", "cpu")
    result = stress(arguments.work / "in", arguments.work / "out", options, kill_at=arguments.files // 2)
    print_table(result)
    found = faults(result, broken, arguments.files)
    if arguments.out is not None:
        plain = result | {"runs": [asdict(run) for run in result["runs"]], "faults": found}
        arguments.out.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    if found:
        sys.exit("; ".join(found))


if __name__ == "__main__":
    main()
