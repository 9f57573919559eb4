"""A whole node: real archives on both sides, SIGKILL in the middle, SIGTERM, and a second node."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
import requests
from dicom_node import archived, node_process, node_settings, storescu, wait_until, write_chests
from orthanc_server import BASIC, PASSWORD, USER, free_port

from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION
from monai_lungxfer.serving.dicom.journal_view import JournalView
from monai_lungxfer.utils.errors import LungXferError


def orthanc_at(orthanc: tuple[str, int]) -> dict:
    return {"kind": "dicom", "name": "pacs", "host": "127.0.0.1", "port": orthanc[1], "ae_title": "ORTHANC"}


def series(orthanc: tuple[str, int], study: str) -> list[str]:
    """Return the modalities of the series that the archive has of a study."""
    root = orthanc[0].removesuffix("/dicom-web")
    query = {"Level": "Series", "Query": {"StudyInstanceUID": study}, "Expand": True}
    found = requests.post(f"{root}/tools/find", json=query, auth=(USER, PASSWORD), timeout=30).json()
    return sorted(one["MainDicomTags"]["Modality"] for one in found)


def test_orthanc_sends_and_gets_the_results(start, orthanc, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    kinds = ["segmentation", "overlay", "report", "presentation"]
    node = start(destination=[orthanc_at(orthanc)], results={"kinds": kinds})
    root, ask = orthanc[0].removesuffix("/dicom-web"), {"auth": (USER, PASSWORD), "timeout": 60}
    (file,) = write_chests(tmp_path / "in", [71])
    stored = requests.post(f"{root}/instances", data=file.read_bytes(), **ask).json()["ID"]
    where = {"AET": "LUNGXFER", "Host": "127.0.0.1", "Port": node.receiver.port}
    requests.put(f"{root}/modalities/node", json=where, **ask)
    assert requests.post(f"{root}/modalities/node/store", json=[stored], **ask).ok
    wait_until(lambda: node.journal.counts()["done"] == 1)
    image = pydicom.dcmread(file)
    assert series(orthanc, image.StudyInstanceUID) == ["CR", "OT", "PR", "SEG", "SR"]
    study = requests.post(
        f"{root}/tools/find", json={"Level": "Study", "Query": {"StudyInstanceUID": image.StudyInstanceUID}}, **ask
    ).json()[0]
    assert requests.post(
        f"{root}/modalities/node/store", json=[study], **ask
    ).ok  # with the results: they are no inputs
    assert node.journal.counts() == {"received": 0, "segmented": 0, "done": 1, "failed": 0, "left out": 4}


def test_stow_to_orthanc(start, orthanc, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOSPITAL_TOKEN", BASIC)
    monkeypatch.delenv(AUTHORIZATION, raising=False)
    web = {"kind": "dicomweb", "name": "web", "url": orthanc[0], "authorization": "HOSPITAL_TOKEN"}
    node = start(destination=[web, {**web, "name": "again"}])
    files = write_chests(tmp_path / "in", [72])
    assert storescu(node.receiver.port, files).returncode == 0
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert len(series(orthanc, pydicom.dcmread(files[0]).StudyInstanceUID)) == 2


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, jobs=2)
    files = write_chests(tmp_path / "in", range(100, 112))
    view = None
    for kill in range(4):
        with node_process(settings, tmp_path) as process:
            wait_until(lambda: echo(settings.listen.port))
            storescu(settings.listen.port, files[: 3 * kill + 3])
            view = view or JournalView(settings.spool.folder)
            time.sleep(0.15 * kill)
            process.kill()
    with node_process(settings, tmp_path) as process:
        wait_until(lambda: echo(settings.listen.port))
        assert storescu(settings.listen.port, files).returncode == 0
        wait_until(lambda: view.counts()["done"] == len(files), 120)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert sum(view.counts().values()) == len(files)
    results = [pydicom.dcmread(file, stop_before_pixels=True) for file in archived(tmp_path)]
    assert Counter(result.StudyInstanceUID for result in results) == {
        str(pydicom.dcmread(file).StudyInstanceUID): 2 for file in files
    }
    names = {path.name for path in (tmp_path / "spool" / "radiographs").iterdir()}
    assert names == set(view.files())
    log = (tmp_path / "node.log").read_text()
    assert "Secret" not in log
    assert "SECRET-ID" not in log


def echo(port: int) -> bool:
    command = ["echoscu", "-aec", "LUNGXFER", "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_success_is_told_only_when_all_is_on_the_disk(start, tmp_path: Path, monkeypatch) -> None:
    """The order of the system's calls: the file, its folder, the journal."""
    import os

    node = start()
    calls: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (calls.append(target(descriptor)), real(descriptor))[1])
    add = node.journal.add
    monkeypatch.setattr(node.journal, "add", lambda arrival: (calls.append("journal"), add(arrival))[1])
    (file,) = write_chests(tmp_path / "in", [1])
    node.intake.take_file(file, "watch")
    assert calls[:3] == ["file", "folder", "journal"]
    assert node.journal.database.read("PRAGMA synchronous")[0][0] == 2  # FULL


def target(descriptor: int) -> str:
    import os
    import stat

    return "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"


def test_one_node_a_spool(start, tmp_path: Path) -> None:
    start()
    with pytest.raises(LungXferError, match="another node works in this spool"):
        start()
    start(spool={"folder": tmp_path / "other", "free_megabytes": 1})


def test_a_node_that_does_not_start_leaves_nothing_running(start, tmp_path: Path) -> None:
    first = start()
    port = first.receiver.port
    with pytest.raises(LungXferError, match="cannot be listened on"):
        start(tmp_path / "b", listen={"port": port})
    start(tmp_path / "b", listen={"port": free_port()})  # the lock is free again


def test_a_stopped_node_goes_on_after_the_next_start(start, tmp_path: Path) -> None:
    gone = [{"kind": "dicom", "name": "shelf", "host": "127.0.0.1", "port": free_port()}]
    node = start(destination=gone)
    files = write_chests(tmp_path / "in", [1, 2])
    assert storescu(node.receiver.port, files).returncode == 0
    node.stop()
    assert storescu(node.receiver.port, files).returncode != 0
    again = start()
    wait_until(lambda: again.journal.counts()["done"] == 2)
    assert len(archived(tmp_path)) == 4


def test_stuck_destinations_do_not_add_up_when_a_node_stops(start, tmp_path: Path, monkeypatch) -> None:
    shelves = [{"kind": "folder", "name": f"shelf{n}", "folder": tmp_path / f"{n}"} for n in range(3)]
    node = start(destination=shelves)
    asked: list[str] = []
    for courier in node.couriers:

        def stop(timeout: float, name: str = courier.name, real: Callable[[float], None] = courier.stop) -> None:
            asked.append(f"{name} {timeout > 0}")
            real(timeout)

        monkeypatch.setattr(courier, "stop", stop)
    node.stop()
    names = [f"shelf{n}" for n in range(3)]
    assert asked == [f"{name} False" for name in names] + [f"{name} True" for name in names]


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, monai_lungxfer.serving.dicom.node; print([n for n in ('torch', 'monai') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
