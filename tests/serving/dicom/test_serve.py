"""A node with its status around it: what it tells when a part fails, and that no patient's data is told anywhere."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import requests
from dicom_radiograph import as_dicom, write
from orthanc_server import free_port

from monai_lungxfer.inference.dicom.store_scu import Archive, send
from monai_lungxfer.serving.dicom import node
from monai_lungxfer.serving.dicom.check import _check_status
from monai_lungxfer.serving.dicom.log import configure_node_log
from monai_lungxfer.serving.dicom.model import FollowedModel
from monai_lungxfer.serving.dicom.serve import NodeService
from monai_lungxfer.serving.dicom.settings import Log, NodeModel, NodeSettings
from monai_lungxfer.synthetic.chest import portable_radiograph
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.threads import granted_cores

SECRETS = ("Secret", "SECRET", "ACC-77", "Referring")
_PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> FollowedModel:
    return FollowedModel(NodeModel(), tmp_path_factory.mktemp("models"))


def settings(folder: Path) -> NodeSettings:
    (folder / "in").mkdir()
    return NodeSettings.model_validate(
        {
            "jobs": 1,
            "listen": {"port": free_port()},
            "status": {"port": free_port()},
            "watch": {"folder": folder / "in", "settle_seconds": 0.1, "every_seconds": 0.1},
            "spool": {"folder": folder / "spool", "free_megabytes": 0},
            "retry": {"tries": 1},
            "destination": [
                {"name": "share", "kind": "folder", "folder": folder / "answers"},
                {"name": "dead", "kind": "dicom", "host": "127.0.0.1", "port": free_port()},
            ],
            "log": {"file": folder / "node.log"},
        }
    )


@pytest.fixture
def service(model: FollowedModel, tmp_path: Path) -> Iterator[NodeService]:
    root, own = logging.getLogger(), logging.getLogger("monai_lungxfer")
    handlers, levels = list(root.handlers), (root.level, own.level)
    service = NodeService(settings(tmp_path), model)
    configure_node_log(Log(file=tmp_path / "node.log"))
    service.start()
    yield service
    service.stop()
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    logging.getLogger("pynetdicom").setLevel(logging.NOTSET)


def ask(service: NodeService, path: str) -> requests.Response:
    assert service.settings.status is not None
    return requests.get(f"http://127.0.0.1:{service.settings.status.port}{path}", timeout=10)


def wait_for(is_reached: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not is_reached():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_each_part_that_fails_is_told(service: NodeService, tmp_path: Path) -> None:
    answer = ask(service, "/healthz")
    assert (answer.status_code, answer.json()["unreached"]) == (200, [])
    assert list(answer.json()["parts"]) == ["receiver", "watch", "workers", "delivery", "disk", "journal"]
    (tmp_path / "in").rmdir()
    wait_for(lambda: ask(service, "/healthz").status_code == 503)
    assert "folder is gone" in ask(service, "/healthz").json()["parts"]["watch"]
    assert service.receiver is not None
    service.receiver.stop()
    service.workers.stop()
    for courier in service.couriers:
        courier.stop(10)
    parts = ask(service, "/healthz").json()["parts"]
    assert parts["receiver"] == "does not listen"
    assert parts["workers"] == "1 of 1 threads have ended"
    assert parts["delivery"] == "the threads of share, dead have ended"
    assert service.settings.status is not None
    with pytest.raises(LungXferError, match=r"a node runs there, and is failing .*receiver: does not listen"):
        _check_status(service.settings.status)


def test_cores_that_are_granted_later_are_no_problem(start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "granted_cores", lambda: granted_cores() + 1)  # as many as there were at the start
    started = start()
    assert started.workers.jobs == started.workers.alive == granted_cores() + 1
    assert NodeService.find_problems(cast("NodeService", started))["workers"] is None


def test_no_patient_data_is_told(service: NodeService, tmp_path: Path) -> None:
    pixels, _ = portable_radiograph(np.random.default_rng(1), 120, 150, "normal")
    one = as_dicom(pixels, "MONOCHROME2", AccessionNumber="ACC-77", PatientName="Secret^N\x01me")
    side = as_dicom(pixels, "MONOCHROME2", AccessionNumber="ACC-77", ViewPosition="LL", SOPInstanceUID="1.2.3.4")
    side.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    listen = service.settings.listen
    assert listen is not None
    send(
        [write(tmp_path / "a.dcm", one), write(tmp_path / "b.dcm", side)], Archive("127.0.0.1", listen.port, "LUNGXFER")
    )
    (tmp_path / "in" / "Secret^Name.dcm").write_bytes(write(tmp_path / "c.dcm", one).read_bytes()[:900] + b"SECRET")
    wait_for(lambda: sum(service.journal.counts().values()) == 3 and service.journal.waiting() == 0)
    assert service.journal.counts() == {"received": 0, "segmented": 0, "done": 0, "failed": 2, "left out": 1}
    page = ask(service, "/").text
    told = [page, ask(service, "/metrics").text, ask(service, "/healthz").text]
    log = (tmp_path / "node.log").read_text()
    assert not [secret for secret in SECRETS for text in (*told, log) if secret in text]
    assert str(tmp_path) not in page + log
    assert service.journal.hash_accession("ACC-77") in page
    assert "cannot be reached" in page
    assert ask(service, "/healthz").json()["unreached"] == ["dead"]
    assert all(json.loads(line)["level"] for line in log.splitlines())
    assert list((tmp_path / "answers").rglob("*.dcm"))


def test_a_status_port_that_is_taken_ends_the_start(service: NodeService, model: FollowedModel, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = settings(tmp_path / "other").model_copy(update={"status": service.settings.status})
    second = NodeService(other, model)
    with pytest.raises(LungXferError, match="in use"):
        second.start()
    assert second.receiver is not None
    assert not second.receiver.is_listening
