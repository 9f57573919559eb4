"""MONAI Label's server, started for real on 127.0.0.1 by `lungxfer serve label`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from howto_scripts import end_session
from orthanc_server import free_port
from source_tree import REPOSITORY

from monai_lungxfer.serving.label.environment import label_environment
from monai_lungxfer.utils.errors import LungXferError

_PATIENCE = 240  # seconds; importing MONAI Label and PyTorch takes long on a busy machine
LABEL_MODEL = "portable_cxr_lung_segmentation"


@pytest.fixture(scope="session")
def label_python() -> Path:
    """The Python of MONAI Label's environment, which is made when it is missing."""
    if sys.platform == "win32":
        pytest.skip("the server's folder has symbolic links")
    try:
        return label_environment()
    except LungXferError as error:
        pytest.skip(str(error))


@dataclass
class LabelServer:
    """A server that runs: where it answers, its folders, and its process."""

    url: str
    out: Path
    studies: Path
    log: Path
    process: subprocess.Popen

    def infer(self, image: str = "", /, model: str = LABEL_MODEL, **params: Any) -> requests.Response:
        """Ask for the mask of an image of the datastore, or of a file (``file=PATH``)."""
        file = params.pop("file", None)
        query = {"image": image, "output": params.pop("output", "image")}
        files = {} if file is None else {"file": (file.name, file.read_bytes())}
        data = {"params": json.dumps({"result_extension": ".png"} | params)}
        return requests.post(f"{self.url}/infer/{model}", params=query, data=data, files=files, timeout=120)

    def label(self, image: str, content: bytes, name: str = "label.png", **query: str) -> requests.Response:
        """Send a final label."""
        files = {"label": (name, content)}
        return requests.put(f"{self.url}/datastore/label", params={"image": image} | query, files=files, timeout=120)

    def wait_for(self, task: str) -> dict[str, Any]:
        """Wait until a training or scoring is done, and return its state."""
        end = time.monotonic() + 2 * _PATIENCE
        while time.monotonic() < end:
            state = requests.get(f"{self.url}/{task}/", timeout=30).json()
            if state["status"] not in ("SUBMITTED", "RUNNING"):
                return state
            time.sleep(0.5)
        raise AssertionError(state)

    def weights(self) -> str:
        """Return the hash of the weights that are served."""
        return requests.get(f"{self.url}/info/", timeout=60).json()["models"][LABEL_MODEL]["weights_sha256"]

    def kill(self) -> None:
        """Kill it with its children, as a machine that fails does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


@contextmanager
def label_server(studies: str | Path, out: Path, *words: str, **environment: str) -> Iterator[LabelServer]:
    """Serve studies; the server's folder `out` may be one of an earlier server."""
    port, log = free_port(), out.with_suffix(".log")
    code = "import sys; from monai_lungxfer.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "label", "--studies", str(studies), "--out", str(out)]
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": "", **environment}
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*command, "--port", str(port), *words], stdout=file, stderr=file, env=variables, start_new_session=True
        )
    server = LabelServer(f"http://127.0.0.1:{port}", out, Path(str(studies)), log, process)
    try:
        _wait(server)
        yield server
    finally:
        end_session(process)


def _wait(server: LabelServer) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert server.process.poll() is None, server.log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(f"{server.url}/info/", timeout=10).ok:
                return
        time.sleep(0.2)
    raise AssertionError(server.log.read_text(errors="replace")[-3000:])
