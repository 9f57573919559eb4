"""The faults: what happens to a command while it runs."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from chaos.commands import Command
from chaos.process import Counter, End, Process, on_opening, on_write

_GOOD = frozenset((0, 1, 2))
_STORE_SECONDS = 1.5  # that MLflow takes for its tables, and a bit
_ROOM = 1 << 30  # bytes of a disk that is not full


@dataclass
class Trial:
    """One command in its place, and what an undisturbed run of it is like.

    Attributes
    ----------
    command : Command
        What is run.
    place, url : pathlib.Path and str
        Where, and the address of the servers.
    rng : numpy.random.Generator
        Chooses the moment.
    seconds, writes, size : float, int and int
        Of the undisturbed run: its length, its changes to the disk, and the bytes that it leaves.
    mends : list of callable
        What puts the world right again.
    """

    command: Command
    place: Path
    url: str
    rng: np.random.Generator
    seconds: float = 0.0
    writes: int = 1
    size: int = 1
    mends: list[Callable[[], object]] = field(default_factory=list)
    swapped: tuple[str, str] | None = None
    _started: int = 0

    def start(self, *more: str, prepare: Callable[[], None] | None = None) -> Process:
        """Start the command, with more arguments."""
        self._started += 1
        log = self.place.parent / f"log-{self._started}.txt"
        return Process(self.command.filled(self.place, self.url, *more), self.place, log, prepare)

    def moment(self, longest: float | None = None) -> float:
        """Return a moment of the run in seconds after its start."""
        return float(self.rng.uniform(0.03, max(0.05, longest or self.seconds)))


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    disturb : callable
        Starts the command of a trial, lets the fault happen, and returns how the processes ended.
    applies : callable
        Tells whether it can happen to a command.
    codes : frozenset of int
        Exit codes that are documented for it.
    own_disk : bool
        Whether the place is a small disk of its own, where that is permitted.
    tracked : bool
        Whether MLflow's database must hold everything afterwards; a training may go on without it.
    """

    disturb: Callable[[Trial], list[End]]
    applies: Callable[[Command], bool] = lambda _: True
    codes: frozenset[int] = _GOOD
    own_disk: bool = False
    tracked: bool = True


def _run_alone(trial: Trial) -> list[End]:
    return [trial.start().wait()]


def _signal_at_a_moment(trial: Trial, number: int) -> list[End]:
    process = trial.start()
    time.sleep(trial.moment())
    process.send(number)
    return [process.wait()]


def _kill_at_a_write(trial: Trial) -> list[End]:
    last, counter = int(trial.rng.integers(trial.writes)), Counter()

    def act(_: str) -> None:
        if counter.add() >= last:
            os.kill(os.getpid(), signal.SIGKILL)

    return [trial.start(prepare=partial(on_write, act)).wait()]


def _signal_at_the_store(trial: Trial, number: int) -> list[End]:
    delay, counter = float(trial.rng.uniform(0, _STORE_SECONDS)), Counter()

    def act(event: str) -> None:
        if event == "sqlite3.connect" and counter.add() == 0:
            threading.Timer(delay, os.kill, (os.getpid(), number)).start()

    return [trial.start(prepare=partial(on_write, act)).wait()]


def _two_at_once(trial: Trial) -> list[End]:
    first = trial.start()
    time.sleep(trial.moment(trial.seconds / 2))
    second = trial.start(*trial.command.again)
    return [first.wait(), second.wait()]


def _fill_disk(trial: Trial) -> list[End]:
    """Leave a share of the space that the command needs, and as much of a file where disks cannot be mounted."""
    allowed = int(trial.rng.uniform(0, 1) * trial.size)
    if trial.place.is_mount():
        used = shutil.disk_usage(trial.place).used
        _resize(trial.place, used + allowed)
        trial.mends.append(partial(_resize, trial.place, _ROOM))
        return _run_alone(trial)
    return [trial.start(prepare=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (allowed, allowed))).wait()]


def _limit_memory(trial: Trial) -> list[End]:
    more = int(10 ** trial.rng.uniform(6, 8.5))

    def prepare() -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return [trial.start(prepare=prepare).wait()]


def _spoil_input(trial: Trial, spoil: Callable[[Path, Path], None]) -> list[End]:
    """Spoil an input at a random moment, or just before it is opened for the first, second or third time."""
    files = sorted(trial.place.glob(str(trial.command.victims)))
    victim, other = (files[number] for number in (*trial.rng.permutation(len(files)), 0)[:2])
    kept, spare = (shutil.copy2(file, trial.place.parent / f"kept-{file.name}") for file in (victim, other))
    trial.mends.append(partial(kept.replace, victim))
    trial.swapped = (victim.stem, other.stem) if spoil is _replace else None
    if trial.rng.random() < 0.5:
        process = trial.start()
        time.sleep(trial.moment())
        spoil(victim, spare)
        return [process.wait()]
    before, counter = int(trial.rng.integers(3)), Counter()

    def act() -> None:
        if counter.add() == before:
            spoil(victim, spare)

    return [trial.start(prepare=partial(on_opening, victim, act)).wait()]


def _remove(victim: Path, spare: Path) -> None:  # noqa: ARG001 - the signature that is asked for
    victim.unlink()


def _truncate(victim: Path, spare: Path) -> None:  # noqa: ARG001 - likewise
    os.truncate(victim, victim.stat().st_size // 2)


def _replace(victim: Path, spare: Path) -> None:
    spare.replace(victim)


def _resize(place: Path, size: int) -> None:
    _mount("-o", f"remount,size={size}", str(place))


def _mount(*arguments: str) -> None:
    subprocess.run([shutil.which("mount") or "mount", *arguments], check=True, capture_output=True)  # noqa: S603


@contextmanager
def own_disk(place: Path) -> Iterator[None]:
    """Mount a disk in memory on a folder while the block runs, where this process may."""
    try:
        _mount("-t", "tmpfs", "-o", f"size={_ROOM}", "lungxfer-chaos", str(place))
        mounted = True
    except (OSError, subprocess.CalledProcessError):
        mounted = False
    try:
        yield
    finally:
        if mounted:
            subprocess.run([shutil.which("umount") or "umount", "--lazy", str(place)], check=True)  # noqa: S603


def _has_victims(command: Command) -> bool:
    return command.victims is not None


_KILLED = frozenset((-signal.SIGKILL,))
_TERMINATED = frozenset((143, -signal.SIGTERM))
_INTERRUPTED = frozenset((130, -signal.SIGINT))
_OUT_OF_MEMORY = frozenset((-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, 127))
"""By which the system, C++ and the C library (127) end a process that can do nothing more."""

FAULTS = {
    "SIGKILL": Fault(partial(_signal_at_a_moment, number=signal.SIGKILL), codes=_GOOD | _KILLED),
    "SIGTERM": Fault(partial(_signal_at_a_moment, number=signal.SIGTERM), codes=_GOOD | _TERMINATED),
    "SIGINT": Fault(partial(_signal_at_a_moment, number=signal.SIGINT), codes=_GOOD | _INTERRUPTED),
    "SIGKILL at a write": Fault(_kill_at_a_write, codes=_GOOD | _KILLED),
    "SIGKILL at the store": Fault(
        partial(_signal_at_the_store, number=signal.SIGKILL), lambda command: command.makes_store, _GOOD | _KILLED
    ),
    "SIGINT at the store": Fault(
        partial(_signal_at_the_store, number=signal.SIGINT), lambda command: command.makes_store, _GOOD | _INTERRUPTED
    ),
    "two at once": Fault(_two_at_once),
    "full disk": Fault(_fill_disk, own_disk=True, tracked=False),
    "memory limit": Fault(_limit_memory, codes=_GOOD | _OUT_OF_MEMORY, tracked=False),
    "file vanishes": Fault(partial(_spoil_input, spoil=_remove), _has_victims),
    "file is cut": Fault(partial(_spoil_input, spoil=_truncate), _has_victims),
    "file is replaced": Fault(partial(_spoil_input, spoil=_replace), lambda command: command.replaceable),
}
"""By name, as the table has it."""
