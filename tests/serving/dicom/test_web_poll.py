"""New radiographs from a real Orthanc, each fetched once."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path

import pydicom
import pytest
import requests
from dicom_node import archived, chest, wait_until
from dicom_radiograph import write
from dicomweb_client import DICOMwebClient
from killed_process import kill_at
from orthanc_server import BASIC, PASSWORD, USER

from monai_lungxfer.inference.dicom import dicomweb_session
from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION
from monai_lungxfer.serving.dicom import web_poll
from monai_lungxfer.utils.errors import DownloadError
from monai_lungxfer.utils.temporary import scratch_folder


@pytest.fixture(autouse=True)
def settings(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(AUTHORIZATION, BASIC)
    monkeypatch.setattr(dicomweb_session, "_BACK_OFF", 1)


def put(orthanc: tuple[str, int], folder: Path, number: int, **attributes) -> None:
    file = write(folder / f"{number}.dcm", chest(number, **attributes))
    root = orthanc[0].removesuffix("/dicom-web")
    assert requests.post(f"{root}/instances", data=file.read_bytes(), auth=(USER, PASSWORD), timeout=30).ok


def test_new_radiographs_are_fetched_once_and_answered(start, orthanc, tmp_path: Path) -> None:
    today = f"{date.today():%Y%m%d}"
    put(orthanc, tmp_path, 801, StudyDate=today)
    put(orthanc, tmp_path, 802, StudyDate="20010101")
    put(orthanc, tmp_path, 803, StudyDate=today, Modality="US")
    poll = {"url": orthanc[0], "every_seconds": 0.2}
    web = {"kind": "dicomweb", "name": "web", "url": orthanc[0]}  # the results go where the radiographs are
    shelf = {"kind": "folder", "name": "shelf", "folder": tmp_path / "archive"}
    node = start(listen=None, poll=poll, destination=[web, shelf])
    wait_until(lambda: node.journal.counts()["done"] == 1)
    put(orthanc, tmp_path, 804, StudyDate=today)
    wait_until(lambda: node.journal.counts()["done"] == 2)
    node.stop()
    again = start(listen=None, poll=poll, destination=[web, shelf])
    again.web_poll.ask()
    assert again.journal.counts() == {"received": 0, "segmented": 0, "done": 2, "failed": 0, "left out": 0}
    assert len(archived(tmp_path)) == 4


@pytest.mark.parametrize("step", ["fetch_study", "search_for_series"])
def test_a_study_that_cannot_be_had_holds_up_no_other(start, orthanc, tmp_path: Path, monkeypatch, step: str) -> None:
    broken: list[str] = []
    owner = web_poll if step == "fetch_study" else DICOMwebClient
    real = getattr(owner, step)

    def fail_on_the_first(where: object, study: str, *more: object, **options: object) -> object:
        broken[:] = broken or [study]
        if study in broken:
            raise DownloadError("the server answered 500")
        return real(where, study, *more, **options)

    monkeypatch.setattr(owner, step, fail_on_the_first)
    for number in (811, 812):
        put(orthanc, tmp_path, number + 10 * (step == "fetch_study"), StudyDate=f"{date.today():%Y%m%d}")
    node = start(listen=None, poll={"url": orthanc[0], "every_seconds": 0.2})
    wait_until(lambda: node.journal.counts()["done"] >= 1)
    wait_until(lambda: not node.web_poll.is_alive)
    studies = {pydicom.dcmread(file).StudyInstanceUID for file in archived(tmp_path)}
    assert studies.isdisjoint(broken)
    broken[:] = ["none"]
    done = node.journal.counts()["done"]
    wait_until(lambda: node.journal.counts()["done"] > done)
    wait_until(lambda: node.web_poll.is_alive)


def test_what_a_killed_node_was_fetching_is_removed_by_the_next(start, orthanc, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fetch() -> None:
        with scratch_folder() as folder:  # as below
            (folder / "of a patient.dcm").touch()
            os.sync()

    kill_at("sync", 1, fetch)
    assert len(list(tmp_path.rglob("of a patient.dcm"))) == 1
    used: list[Path] = []
    real = web_poll.fetch_study
    monkeypatch.setattr(web_poll, "fetch_study", lambda *a, **more: (used.append(Path(a[2])), real(*a, **more))[1])
    put(orthanc, tmp_path, 831, StudyDate=f"{date.today():%Y%m%d}")
    node = start(listen=None, poll={"url": orthanc[0], "every_seconds": 0.2})
    wait_until(lambda: node.journal.counts()["done"] >= 1)
    assert used[0].is_relative_to(tmp_path)
    assert not used[0].exists()
    assert not list(tmp_path.rglob("of a patient.dcm"))


def test_a_service_that_is_not_there_is_told(start, caplog) -> None:
    node = start(listen=None, poll={"url": "http://127.0.0.1:9/dicom-web", "every_seconds": 0.1})
    wait_until(lambda: "no complete answer from the server" in caplog.text)
    assert not node.web_poll.is_alive
