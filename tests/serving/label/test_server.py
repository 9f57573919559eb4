"""The process that listens: its exit codes, and a log that holds nothing of what libraries say."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from filelock import FileLock
from orthanc_server import free_port
from raster_writing import mha
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from monai_lungxfer.io.formats.attached import DETACHED
from monai_lungxfer.serving.label.server import SETTINGS, _decoding
from monai_lungxfer.utils.error_redaction import LIBRARY_MESSAGES
from monai_lungxfer.utils.errors import InputFileError

APP = """
from fastapi import BackgroundTasks, FastAPI
from monailabel.endpoints import infer

app = FastAPI()

@app.get("/info/")
def info(): return {}

@app.post("/infer/{model}")
def run(tasks: BackgroundTasks, model: str, params: str, label: str | None = None):
    return infer.run_inference(tasks, model, "a", "", params, None, label, None)
"""


INFER = "def run_inference(tasks, model, image, session_id, params, file, label, output): return params\n"


class Process:
    """The process that listens, with an application in the place of MONAI Label's, which its environment has."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        modules = {"app": APP, "endpoints/infer": INFER}
        modules |= {"endpoints/datastore": "add_image = save_label = print\n"}
        modules |= {"interfaces/exception": "class MONAILabelException(Exception): pass\n"}
        for name, text in modules.items():
            file = folder / "python" / "monailabel" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (folder / "tmp").mkdir()

    def start(self) -> subprocess.Popen:
        decided = {"host": "127.0.0.1", "port": self.port, "hosts": [], "max_bytes": 1000, "with_proxy": False}
        paths = [str(self.folder / "python"), os.environ.get("PYTHONPATH", "")]
        own = {SETTINGS: json.dumps(decided | {"lock": str(self.folder / "server.lock")})}
        own |= {"TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": os.pathsep.join(paths)}
        # Whoever starts the tests in the background has interruptions ignored.
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        code += "from monai_lungxfer.serving.label.server import main; main()"
        command = [sys.executable, "-c", code]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=os.environ | own, cwd=self.folder / "tmp", **pipes)

    def ends(self) -> tuple[int, str]:
        process = self.start()
        told = process.communicate(timeout=60)[1].decode()
        return process.returncode, told


@pytest.fixture
def listening(tmp_path: Path) -> Process:
    pytest.importorskip("fastapi")
    return Process(tmp_path)


def test_a_folder_or_a_port_that_is_in_use_is_wrong_usage(listening: Process) -> None:
    left = listening.folder / "tmp" / "left.dcm"
    left.write_bytes(b"0")
    with FileLock(listening.folder / "server.lock"):
        code, told = listening.ends()
    assert (code, told.count("\n")) == (2, 1)
    assert "another server works in this folder" in told
    assert left.exists()
    with socket.create_server(("127.0.0.1", listening.port)):
        code, told = listening.ends()
    assert code == 2
    assert "Choose a free --port" in told
    assert "Traceback" not in told
    assert not left.exists()  # of a killed server


def test_an_application_that_does_not_start_is_unexpected(listening: Process) -> None:
    app = listening.folder / "python" / "monailabel" / "app.py"
    app.write_text(f"{APP}\napp.router.lifespan_context = None\n")
    assert listening.ends()[0] == 3
    app.write_text("raise ValueError('/a/path')\n")
    assert listening.ends() == (3, "Unexpected error: ValueError.\n")


def test_an_interrupted_server_ends_as_the_command_line_does(listening: Process) -> None:
    process, url = listening.start(), f"http://127.0.0.1:{listening.port}"
    try:
        patient = requests.Session()
        patient.mount("http://", HTTPAdapter(max_retries=Retry(60, backoff_factor=0.1, backoff_max=1)))
        assert patient.get(f"{url}/info/", timeout=10).ok
        for params, status in (("{}", 200), ('{"label_tag": "final"}', 400), ('{"bundle_path": "a"}', 400)):
            assert requests.post(f"{url}/infer/a", params={"params": params}, timeout=10).status_code == status
        answer = requests.post(f"{url}/infer/a", params={"params": "{}", "label": "scribbles"}, timeout=10)
        assert (answer.status_code, answer.json()["detail"]) == (400, "an inference takes no label")
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.communicate(timeout=60)[1]
        assert process.returncode == 130
    finally:
        process.kill()


def test_the_stock_datastore_keeps_only_what_is_decoded(tmp_path: Path) -> None:
    kept = []
    store = _decoding(lambda studies, image, file, *others: kept.append((image, others)) or image)
    (tmp_path / "a.png").write_bytes(mha(np.zeros((40, 50), np.uint8)))
    assert store(None, "a", str(tmp_path / "a.png"), "final", {}) == "a"
    (tmp_path / "a.png").write_bytes(mha(np.zeros((40, 50), np.uint8), ElementDataFile="/etc/hostname"))
    with pytest.raises(InputFileError, match=DETACHED):
        store(None, "b", str(tmp_path / "a.png"), "final", {})
    assert kept == [("a", ("final", {}))]


STRAY = """
import asyncio, ctypes, gc, logging, os, subprocess, sys, threading, warnings

SECRET = ""

class Unraisable:
    def __del__(self): raise ValueError(SECRET)

def fail(): raise ValueError(SECRET)

@app.get("/datastore/")
async def stray(output: str):
    global SECRET
    way = output
    SECRET = f"John^Smith/{way}!"
    if way == "thread":
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    elif way == "threads_warning":  # as of watchdog, about a folder with a series' UID
        thread = threading.Thread(target=lambda: warnings.warn(SECRET, RuntimeWarning))
        thread.start()
        thread.join()
    elif way == "task":
        asyncio.get_running_loop().create_task(asyncio.to_thread(fail))
        await asyncio.sleep(0.1)
        gc.collect()
    elif way == "unraisable":
        Unraisable()
    elif way == "handler":
        handler = logging.StreamHandler()
        logging.getLogger("other").addHandler(handler)
        logging.getLogger("other").error("%s", SECRET, stack_info=True)
    elif way == "log":
        logging.getLogger("pydicom").exception(SECRET, exc_info=ValueError(SECRET))
    elif way == "print":
        print(SECRET, flush=True)
        print(SECRET, file=sys.stderr, flush=True)
    elif way == "c":
        ctypes.CDLL(None).puts(SECRET.encode())
        ctypes.CDLL(None).fflush(None)
        os.write(2, SECRET.encode())
    elif way == "child":
        subprocess.run([sys.executable, "-c", f"import sys; print({SECRET!r}); sys.exit({SECRET!r})"])
    elif way == "answer":
        fail()
    return {}
"""
WAYS = (
    "thread",
    "threads_warning",
    "task",
    "unraisable",
    "handler",
    "log",
    "print",
    "c",
    "child",
    "answer",
)


def told_by_strays(listening: Process, monkeypatch: pytest.MonkeyPatch, shown: str) -> str:
    """Return the log after a library has spoken in every way that there is."""
    monkeypatch.setenv(LIBRARY_MESSAGES, shown)
    app = listening.folder / "python" / "monailabel" / "app.py"
    app.write_text(f"{APP}\n{STRAY}")
    process, url = listening.start(), f"http://127.0.0.1:{listening.port}"
    try:
        patient = requests.Session()
        patient.mount("http://", HTTPAdapter(max_retries=Retry(60, backoff_factor=0.1, backoff_max=1)))
        for way in WAYS:
            answer = patient.get(f"{url}/datastore/", params={"output": way}, timeout=30)
            assert answer.status_code == (500 if way == "answer" else 200), way
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
        return (out + told).decode()
    finally:
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process")
def test_what_libraries_say_is_in_no_log(listening: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_by_strays(listening, monkeypatch, "")
    assert "Smith" not in told
    assert told.count("ValueError, raised at\n") == 2  # of a thread, and of what nobody can catch
    for line in ("a thread ended by ValueError", "asyncio: ValueError", "other: ERROR", "pydicom: ValueError"):
        assert line in told
    assert "GET /datastore 200" in told


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts a process")
def test_a_variable_shows_it(listening: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_by_strays(listening, monkeypatch, "1")
    assert not [way for way in WAYS if f"John^Smith/{way}!" not in told]
