"""A command in a process of its own, forked from one that has imported everything, so that it starts at once."""

from __future__ import annotations

import atexit
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

TIME_LIMIT = 90.0  # seconds after which a command counts as hanging

_TRAINING = ("training.stage", "handlers.training", "handlers.mlflow_run")
_IMPORTED = {
    "predict": ("inference.batch", "inference.dicom.segmentation"),
    "data": ("data.public.fetch", "data.public.prepare"),
    "weights": ("export.weights", "weights.averaging", "weights.pretrained"),
    "bundles": ("export.formats",),
    "train": _TRAINING,
    "transfer": _TRAINING,
    "evaluate": _TRAINING,
    "study": (*_TRAINING, "study.execution.run", "study.report.write"),
    "registry": ("registry.promotion", "registry.register"),
}
"""Modules of the package by the first word of a command."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")


def warm_up(words: Iterable[str]) -> None:
    """Import what commands with these first words need, for all processes to come; nothing is computed here."""
    os.environ |= {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "COLUMNS": "200"}
    for name in ("cli", *chain.from_iterable(_IMPORTED[word] for word in sorted(set(words)))):
        import_module(f"monai_lungxfer.{name}")


@dataclass(frozen=True)
class End:
    """How a process ended: its exit code, negative for a signal, and what it wrote to the terminal."""

    code: int
    text: str
    seconds: float


class Counter:
    """A number that a process counts up and its parent reads: what it writes to the disk, event by event."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        """How many events there were."""
        return int(struct.unpack("q", self._memory[:])[0])

    def add(self) -> int:
        """Count one, and return how many there were before."""
        before = self.value
        self._memory[:] = struct.pack("q", before + 1)
        return before


def on_write(act: Callable[[str], None]) -> None:
    """Call `act` in this process before each of its changes to the disk, with the kind of the change."""
    here = str(Path.cwd())

    def watch(event: str, given: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(given[0], (str, Path)) and given[2] & _WRITING
        if event in _CHANGES or (opened and str(Path(given[0]).absolute()).startswith(here)):
            act(event)

    sys.addaudithook(watch)


def on_opening(file: Path, act: Callable[[], None]) -> None:
    """Call `act` in this process before a file is opened."""

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(given[0], (str, Path)) and Path(given[0]).absolute() == file:
            act()

    sys.addaudithook(watch)


class Process:
    """A running command.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``lungxfer``.
    place : pathlib.Path
        The current folder of the process; temporary files go to its ``tmp``.
    log : pathlib.Path
        Gets what the command writes to the terminal.
    prepare : callable, optional
        Called in the new process, before the command begins.
    """

    def __init__(
        self, arguments: Sequence[str], place: Path, log: Path, prepare: Callable[[], None] | None = None
    ) -> None:
        self.log = log
        self._status: int | None = None
        self._started = time.monotonic()
        begun = Counter()
        self._pid = os.fork()
        if self._pid == 0:
            _become(arguments, place, log, prepare, begun)
        while not begun.value and not self._has_ended():
            time.sleep(0.001)

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if not self._has_ended():
            os.kill(self._pid, number)

    def wait(self) -> End:
        """Wait until it has ended; one that hangs is killed, and its code is that of SIGXCPU."""
        while not self._has_ended():
            if time.monotonic() - self._started > TIME_LIMIT:
                self.send(signal.SIGXCPU)
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(self._status or 0)
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return End(code, text, time.monotonic() - self._started)

    def _has_ended(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None


def _become(
    arguments: Sequence[str], place: Path, log: Path, prepare: Callable[[], None] | None, begun: Counter
) -> None:
    """Turn the forked process into the command, and never return."""
    code = 3
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what runs in the background ignore it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(place)
        os.environ["TMPDIR"] = tempfile.tempdir = str(place / "tmp")
        sys.argv = ["lungxfer", *arguments]
        if prepare is not None:
            prepare()
        from monai_lungxfer.cli import main

        begun.add()
        main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - as Python itself ends
        traceback.print_exc()
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as Python itself ends
        atexit._run_exitfuncs()  # noqa: SLF001
        sys.stdout.flush()
    os._exit(code)
