"""One process of a contestant: its files, its variables, and what it used.

The script that starts them imports nothing large: Linux counts the memory of a process from before its program starts,
when it is still that of its parent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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
            When it fails or writes too few masks, with the last line that it printed.
        """
        inputs, out, log = self._inputs(task, contestant, count), self.work / "masks", self.work / "log.txt"
        shutil.rmtree(out, ignore_errors=True)
        with log.open("wb") as printed:
            begun = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603
                contestant.command(inputs, out), stdout=printed, stderr=printed, cwd=self.work, env=self._variables()
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        masks = [path for path in out.rglob("*") if path.suffix in _MASKS]
        if process.returncode or len(masks) < count:
            lines = log.read_text(errors="replace").split("\n")
            told = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
            raise RuntimeError(f"exit code {process.returncode}, {len(masks)} of {count} masks: {told}")
        processor = used.ru_utime + used.ru_stime
        return Measurement(task, contestant.name, number, count, processor, wall, used.ru_maxrss * 1024 / 1e6)

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
