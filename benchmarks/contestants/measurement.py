"""One process of a contestant: its files, its variables, and what it used.

The script that starts them imports nothing large: Linux counts the memory of a process from before its program starts,
when it is still that of its parent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from contestants import Contestant

_MASKS = (".png", ".gz")


@dataclass(frozen=True)
class Measurement:
    """One process: seconds of the processor and of the clock, and its highest resident memory in MB."""

    task: str
    name: str
    round: int
    files: int
    processor: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Trial:
    """Where processes run.

    Attributes
    ----------
    work : pathlib.Path
        Has the folder ``files``, with one for each task.
    threads : int
        That a process may use.
    """

    work: Path
    threads: int

    def measure(self, contestant: Contestant, task: str, count: int, number: int) -> Measurement:
        """Run a contestant over so many files of a task.

        Raises
        ------
        RuntimeError
            When it fails, writes too few masks, or another one did the work, with the line that says so.
        """
        inputs, out = self._inputs(task, contestant, count), self.work / "masks"
        shutil.rmtree(out, ignore_errors=True)
        code, *used = self._run(contestant.command(inputs, out))
        masks = len([path for path in out.rglob("*") if path.suffix in _MASKS])
        printed = self._log.read_text(errors="replace").splitlines()
        lines = [line.strip() for line in printed if line.strip()] or ["it printed nothing"]
        replaced = [line for line in lines if contestant.fallback and contestant.fallback in line]
        if code or masks < count or replaced:
            raise RuntimeError(f"exit code {code}, {masks} of {count} masks: {(replaced or lines)[-1]}")
        return Measurement(task, contestant.name, number, count, *used)

    def measure_start(self, name: str, code: str, number: int) -> list[Measurement]:
        """Run a line of Python with which a program may begin; nothing is measured of one that fails."""
        failed, *used = self._run([sys.executable, "-c", code])
        return [] if failed else [Measurement("start", name, number, 0, *used)]

    @property
    def _log(self) -> Path:
        return self.work / "log.txt"

    def _run(self, command: list[str]) -> tuple[int, float, float, float]:
        """Return the exit code, the seconds of the processor and of the clock, and the megabytes."""
        with self._log.open("wb") as log:
            begun = time.perf_counter()
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.work, env=self._variables())  # noqa: S603
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024 / 1e6

    def _inputs(self, task: str, contestant: Contestant, count: int) -> Path:
        source = self.work / "files" / (f"{task}-png" if contestant.as_png else task)
        folder = self.work / "inputs" / f"{source.name}-{count}"
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for file in sorted(source.iterdir())[:count]:
                os.link(file, folder / file.name)
        return folder

    def _variables(self) -> dict[str, str]:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return kept | dict.fromkeys(names, str(self.threads))
