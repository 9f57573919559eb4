"""A real Orthanc with its DICOMweb plug-in on 127.0.0.1, for tests of the exchange."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "tester", "only-here"
BASIC = requests.auth._basic_auth_str(USER, PASSWORD)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    """Start Orthanc; yields the URL of its DICOMweb service, and its DICOM port."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        pytest.skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as (web, dicom):
        yield f"http://127.0.0.1:{web}/dicom-web", dicom


@contextlib.contextmanager
def running_orthanc(folder: Path, **more):
    """Run Orthanc as long as the block takes; gives its ports for HTTP and DICOM."""
    web, dicom = free_port(), free_port()
    configuration = {
        "Name": "test",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": web,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **more,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{web}/system", process, folder / "log")
        yield web, dicom
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, auth=(USER, PASSWORD), timeout=5).ok:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])
