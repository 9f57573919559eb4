"""MLflow's servers, started for real on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from orthanc_server import free_port

_PATIENCE = 240  # seconds; importing MLflow and PyTorch takes long on a busy machine


@contextmanager
def tracking_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Serve runs and a registry in SQLite, with artifacts as files, in a folder; yields the URL."""
    port = port or free_port()
    command = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"]
    with _running([*command, *stores], folder / "server.log", f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def model_server(model: str, log: Path, **environment: str) -> Iterator[str]:
    """Serve a model as its how-to does; yields the URL of its predictions."""
    port = free_port()
    command = ["models", "serve", "-m", model, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, log, f"http://127.0.0.1:{port}/ping", **environment):
        yield f"http://127.0.0.1:{port}/invocations"


@contextmanager
def _running(command: list[str], log: Path, url: str, **environment: str) -> Iterator[None]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            stdout=file,
            stderr=file,
            env={**os.environ, "PATH": path, **environment},
            start_new_session=True,  # so that its children go with it
        )
    try:
        _wait_for(url, process, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # as when a machine fails, which nothing may depend on
        process.wait()


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(url, timeout=10).ok:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-3000:])
