"""Put load on a model served by MLflow, and print as Markdown what became of the requests and of its memory.

    python scripts/load_mlflow.py --model models:/portable_cxr_lung_segmentation@champion --images DIR \
        [--requests 200] [--clients 8] [--port 5081]

The server is started twice over: once it is left alone, once it is killed (SIGKILL) when half of the requests are
answered, and started again. A client whose connection breaks sends its request again. Every mask that comes back is
compared with the one that the same model makes in this process. Memory is the resident set of all processes of the
server, once a second. Needs psutil.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import numpy as np
import psutil
import requests

from monai_lungxfer.prediction.inputs import find_inputs

PATIENCE = 600  # seconds that a client or the start of the server may take
MEGABYTE = 1e6


class Server:
    """A model served by ``mlflow models serve`` on 127.0.0.1."""

    def __init__(self, model: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
        self._command += ["--host", "127.0.0.1", "--port", str(port)]
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with contextlib.suppress(requests.ConnectionError):
            requests.get(self.url, timeout=10)
            raise SystemExit(f"another server answers at {self.url}; choose another --port")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where MLflow looks for uvicorn
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = psutil.Popen(self._command, env={**os.environ, "PATH": path}, **quiet)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/ping", timeout=10).ok:
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


def ask(server: Server, image: str, mask: str, run: Run) -> None:
    """Send one request, again and again while nobody answers, and count what came of it."""
    begin, resent = time.monotonic(), False
    while time.monotonic() - begin < PATIENCE:
        try:
            body = {"dataframe_records": [{"image": image}]}
            answer = requests.post(f"{server.url}/invocations", json=body, timeout=PATIENCE)
        except requests.RequestException:
            resent = True
            time.sleep(0.2)
            continue
        right = answer.ok and answer.json()["predictions"][0]["mask"] == mask
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


def put_load(server: Server, pairs: Sequence[tuple[str, str]], total: int, clients: int, *, kill: bool) -> Run:
    """Send all requests from so many clients at once; optionally kill the server when half of them are answered."""
    run = Run()
    begin = time.monotonic()
    with watched(server, run), ThreadPoolExecutor(clients) as pool:
        waiting = [pool.submit(ask, server, *pairs[number % len(pairs)], run) for number in range(total)]
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


def main() -> None:
    """Make the expected masks, and put load on the server twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--most-images", type=int, default=20, help="different images among the requests")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--port", type=int, default=5081)
    given = parser.parse_args()
    files = [item.path for item in find_inputs([given.images])][: given.most_images]
    images = [base64.b64encode(file.read_bytes()).decode() for file in files]
    masks = mlflow.pyfunc.load_model(given.model).predict([{"image": image} for image in images])["mask"]
    pairs = list(zip(images, masks, strict=True))
    server = Server(given.model, given.port)
    runs = {}
    for name, kill in (("left alone", False), ("killed halfway", True)):
        server.start()
        try:
            ask(server, *pairs[0], Run())  # what is loaded with the first request is no growth
            runs[name] = put_load(server, pairs, given.requests, given.clients, kill=kill)
        finally:
            server.kill()
    print_runs(runs, given.clients)


if __name__ == "__main__":
    main()
