"""What the load scripts share: a server as a process, clients, and the table of what became of their requests.

It is imported by `load_mlflow` and `load_label`, from their own folder. Needs psutil.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import requests

PATIENCE = 600  # seconds that a client or the start of the server may take
MEGABYTE = 1e6
FLAT = 0.05  # share by which memory may change


class Server:
    """A program that serves at an address of 127.0.0.1.

    Parameters
    ----------
    command : sequence of str
        How it is started.
    url : str
        Where it answers.
    ready : str
        Path that answers when it is ready.
    environment : mapping
        Its variables.
    log : pathlib.Path
        What it prints.
    """

    def __init__(self, command: Sequence[str], url: str, ready: str, environment: Mapping[str, str], log: Path) -> None:
        self.url = url
        self.log = log
        self._command = list(command)
        self._ready = ready
        self._environment = dict(environment)
        self._process: psutil.Popen | None = None

    def start(self, folder: Path | None = None) -> None:
        """Start it in a folder, and wait until it answers.

        Python may look for packages in that folder, which is the present one by default.
        """
        with contextlib.suppress(requests.ConnectionError):
            requests.get(self.url, timeout=10)
            raise SystemExit(f"another server answers at {self.url}; choose another --port")
        with self.log.open("ab") as log:
            self._process = psutil.Popen(self._command, env=self._environment, stdout=log, stderr=log, cwd=folder)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.url + self._ready, timeout=10).ok:
                    return
            time.sleep(0.5)
        self.kill()
        raise SystemExit(f"the server does not answer; see {self.log}")

    def kill(self) -> None:
        """Kill all of its processes at once."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()

    def resident_bytes(self) -> int:
        """Return the resident set of all of its processes."""
        total = 0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def _processes(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        try:
            return [*self._process.children(recursive=True), psutil.Process(self._process.pid)]
        except psutil.NoSuchProcess:
            return []


@dataclass(frozen=True)
class Request:
    """One request of the load.

    Attributes
    ----------
    kind : str
        What is special about it.
    send : callable
        Sends it to the server at a URL and returns an outcome, one of `OUTCOMES`; errors of `requests` may pass.
    """

    kind: str
    send: Callable[[str], str]


OUTCOMES = ("right", "refused", "hung up", "wrong", "5xx")
"""As it should be: answered rightly, refused with a reason, left by the client. As it should not: the other two."""


@dataclass
class Run:
    """What is counted during a run; times are in seconds, memory in bytes."""

    outcomes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    resent: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    down: float = 0.0
    memory: tuple[int, int] = (0, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def answered(self) -> int:
        """How many requests have an outcome."""
        return sum(self.outcomes.values())

    @property
    def growth(self) -> float:
        """Memory at the end over that after the warm-up, less 1."""
        return self.memory[1] / self.memory[0] - 1

    def count(self, kind: str, outcome: str, latency: float, *, resent: bool) -> None:
        """Count one request, once however often it was sent."""
        with self._lock:
            self.outcomes[outcome.partition(",")[0]] += 1
            self.resent += resent
            self.latencies += [latency] if outcome == "right" else []
            self.faults += [f"{kind}: {outcome}"] if outcome not in OUTCOMES[:3] else []


def ask(server: Server, request: Request, run: Run) -> None:
    """Send one request, again and again while the connection breaks, and count what came of it."""
    begin, resent = time.monotonic(), False
    while time.monotonic() - begin < PATIENCE:
        try:
            outcome = request.send(server.url)
        except requests.RequestException:
            resent = True
            time.sleep(0.2)
            continue
        run.count(request.kind, outcome, time.monotonic() - begin, resent=resent)
        return
    run.lost += 1
    run.faults.append(f"{request.kind}: lost")


def put_load(server: Server, sent: Sequence[Request], clients: int, warm: int) -> Run:
    """Send all requests from so many clients, and kill the server (SIGKILL) once in between.

    It is killed when `warm` requests have an outcome, and started again in the same way. After twice as many its memory
    is measured, and again at the end, both times while nobody asks.
    """
    run, begin = Run(), time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        waiting = [pool.submit(ask, server, each, run) for each in sent[: 2 * warm]]
        while run.answered < warm:
            time.sleep(0.02)
        server.kill()
        killed = time.monotonic()
        server.start()
        run.down = time.monotonic() - killed
        _wait_for(waiting)
        _wait_for(pool.submit(ask, server, each, run) for each in sent[2 * warm : 3 * warm])
        warmed = _resident_bytes_at_rest(server)
        _wait_for(pool.submit(ask, server, each, run) for each in sent[3 * warm :])
    run.seconds = time.monotonic() - begin
    run.memory = warmed, _resident_bytes_at_rest(server)
    return run


def _wait_for(waiting: Iterable[Future]) -> None:
    for each in list(waiting):  # all of them are to be submitted first
        each.result()


def _resident_bytes_at_rest(server: Server) -> int:
    time.sleep(1)
    return int(np.median([server.resident_bytes() for _ in range(5)]))


def print_run(run: Run, sent: int, clients: int) -> None:
    """Print what was counted as a table, and the kinds of requests that were answered wrongly."""
    p50, p95 = np.percentile(run.latencies, (50, 95))
    first, last = (each / MEGABYTE for each in run.memory)
    rows = {
        f"sent by {clients} clients": sent,
        **{outcome: run.outcomes[outcome] for outcome in OUTCOMES},
        "lost": run.lost,
        "doubled": run.doubled,
        "sent again": run.resent,
        "down, s": f"{run.down:.0f}",
        "right answers: p50, p95, s": f"{p50:.2f}, {p95:.2f}",
        "requests/s": f"{run.answered / run.seconds:.2f}",
        "memory after the warm-up, at the end, MB": f"{first:.0f}, {last:.0f} ({run.growth:+.1%})",
    }
    print("| | |\n|---|---:|")
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    print("\n".join(f"- {fault}" for fault in run.faults))
