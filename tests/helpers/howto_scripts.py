"""The commands of a how-to, run as one script, and ended with everything that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

_PATIENCE = 1200  # seconds


def skip_unless_free(*ports: int) -> None:
    """Skip a test whose page names ports of this machine that others use."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port} is taken")


def run_script(text: str, folder: Path, **variables: str) -> None:
    """Run commands of bash in a folder, with the programs of this environment; its file `log` gets their output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder,
            env={**os.environ, "PATH": path, **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that the servers can be stopped with it
        )
        try:
            status = process.wait(timeout=_PATIENCE)
        finally:
            end_session(process)
    assert status == 0, (folder / "log").read_text(errors="replace")[-3000:]


def end_session(process: subprocess.Popen) -> None:
    """End a process that was started in a session of its own, and its children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
