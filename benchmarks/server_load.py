"""What the load scripts share: a server as a process, clients, and the table of what became of their requests.

It is imported by benchmarks/load_mlflow.py and benchmarks/load_label.py, from their own folder. Needs psutil.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil
import requests

PATIENCE = 600  # seconds that a client or the start of the server may take
MEGABYTE = 1e6


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
    """

    def __init__(self, command: Sequence[str], url: str, ready: str, environment: Mapping[str, str]) -> None:
        self.url = url
        self._command = list(command)
        self._ready = ready
        self._environment = dict(environment)
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with contextlib.suppress(requests.ConnectionError):
            requests.get(self.url, timeout=10)
            raise SystemExit(f"another server answers at {self.url}; choose another --port")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = psutil.Popen(self._command, env=self._environment, **quiet)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.url + self._ready, timeout=10).ok:
                    return
            time.sleep(0.5)
        self.kill()
        raise SystemExit("the server does not answer; start it by hand to see why: " + " ".join(self._command))

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


@dataclass
class Run:
    """What is counted during one run; times are in seconds, memory in bytes."""

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0
    resent: int = 0
    memory: list[int] = field(default_factory=list)
    seconds: float = 0.0
    down: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, latency: float | None, *, right: bool, resent: bool) -> None:
        """Count one request, once however often it was sent; a lost one has no latency."""
        with self._lock:
            self.resent += resent
            if latency is None:
                self.lost += 1
            else:
                self.latencies.append(latency)
                self.wrong += not right


Send = Callable[[str], bool]
"""Sends one request to the server at a URL, and tells whether the answer was right; errors of `requests` may pass."""


def ask(server: Server, send: Send, run: Run) -> None:
    """Send one request, again and again while nobody answers, and count what came of it."""
    begin, resent = time.monotonic(), False
    while time.monotonic() - begin < PATIENCE:
        try:
            right = send(server.url)
        except requests.RequestException:
            resent = True
            time.sleep(0.2)
            continue
        run.count(time.monotonic() - begin, right=right, resent=resent)
        return
    run.count(None, right=False, resent=resent)


@contextmanager
def watched(server: Server, run: Run) -> Iterator[None]:
    """Measure the server's memory once a second while the block runs."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(1):
            run.memory.append(server.resident_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def put_load(server: Server, sends: Sequence[Send], total: int, clients: int, *, kill: bool) -> Run:
    """Send all requests from so many clients at once; optionally kill the server when half of them are answered."""
    run = Run()
    begin = time.monotonic()
    with watched(server, run), ThreadPoolExecutor(clients) as pool:
        waiting = [pool.submit(ask, server, sends[number % len(sends)], run) for number in range(total)]
        if kill:
            while len(run.latencies) < total / 2:
                time.sleep(0.1)
            server.kill()
            killed = time.monotonic()
            server.start()
            run.down = time.monotonic() - killed
        for each in waiting:
            each.result()
    run.seconds = time.monotonic() - begin
    return run


def print_runs(runs: dict[str, Run], clients: int) -> None:
    """Print one row a run; memory is that of the first and the last quarter of the seconds, and the highest."""
    heads = ("answered", "lost", "wrong mask", "sent again", "p50, s", "p95, s", "requests/s", "memory, MB")
    print(f"| {clients} clients | {' | '.join(heads)} |")
    print("|---|" + "---:|" * len(heads))
    for name, run in runs.items():
        p50, p95 = np.percentile(run.latencies, (50, 95))
        quarter = max(1, len(run.memory) // 4)
        first, last = np.mean(run.memory[:quarter]), np.mean(run.memory[-quarter:])
        memory = f"{first / MEGABYTE:.0f}, {last / MEGABYTE:.0f}, at most {max(run.memory) / MEGABYTE:.0f}"
        rate = len(run.latencies) / run.seconds
        print(
            f"| {name} | {len(run.latencies)} | {run.lost} | {run.wrong} | {run.resent} "
            f"| {p50:.2f} | {p95:.2f} | {rate:.2f} | {memory} |"
        )
    print(f"\nDown for {runs['killed halfway'].down:.0f} s.")


def load(server: Server, sends: Sequence[Send], total: int, clients: int) -> None:
    """Put load on a server twice, once with a kill, and print what became of the requests."""
    runs = {}
    for name, kill in (("left alone", False), ("killed halfway", True)):
        server.start()
        try:
            ask(server, sends[0], Run())  # what is loaded with the first request is no growth
            runs[name] = put_load(server, sends, total, clients, kill=kill)
        finally:
            server.kill()
    print_runs(runs, clients)
