"""Deliveries to destinations that refuse, hang, answer late or are not there."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dicom_node import archived, chest, wait_until, write_chests
from dicom_radiograph import write
from orthanc_server import free_port
from pynetdicom import AE, evt

from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION
from monai_lungxfer.serving.dicom.node import DicomNode
from monai_lungxfer.serving.dicom.settings import DicomDestination, DicomwebDestination, FolderDestination, Poll
from monai_lungxfer.serving.dicom.transports import FolderTransport, StoreTransport, find_authorization
from monai_lungxfer.utils.errors import OutputError

SEG, SC = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.7"


@contextmanager
def archive(port: int, answer: Any, classes: tuple[str, ...] = (SEG, SC), connections: int = 10) -> Iterator[list[str]]:
    """Run an archive that answers as `answer` says; gives the UIDs that it was sent."""
    sent: list[str] = []

    def store(event: evt.Event) -> int:
        sent.append(event.request.AffectedSOPInstanceUID)
        return answer(len(sent)) if callable(answer) else answer

    entity = AE("PACS")
    entity.maximum_associations = connections
    for sop_class in classes:
        entity.add_supported_context(sop_class)
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield sent
    finally:
        for association in server.active_associations:
            association.abort()
        server.shutdown()


def pacs(port: int, **more: Any) -> dict[str, Any]:
    return {"kind": "dicom", "name": "pacs", "host": "127.0.0.1", "port": port, **more}


def shelf(folder: Path) -> dict[str, Any]:
    return {"kind": "folder", "name": "shelf", "folder": folder / "archive"}


def take(node: DicomNode, folder: Path, *numbers: int) -> None:
    """Let a node take radiographs, as if a sender had sent them."""
    for file in write_chests(folder / "in", numbers):
        node.intake.take_file(file, "watch")


def test_a_refusal_is_tried_again(start, tmp_path: Path) -> None:
    port = free_port()
    with archive(port, lambda count: 0xA700 if count <= 2 else 0) as sent:
        node = start(destination=[pacs(port)])
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["done"] == 1)
    assert len(sent) == 4
    assert len(set(sent)) == 2  # deterministic UIDs: the second delivery doubles nothing


def test_a_destination_that_never_takes_them_is_given_up_until_retry(start, tmp_path: Path) -> None:
    port = free_port()
    settings = {"destination": [pacs(port)], "retry": {"first_seconds": 0.05, "longest_seconds": 0.1, "tries": 3}}
    with archive(port, 0x0110) as sent:
        node = start(**settings)
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["failed"] == 1)
        assert len(sent) == 6
        assert "status 0x0110" in node.journal.dead_letters()[0].reason
    with archive(port, 0):
        assert node.journal.retry_dead_letters(["pacs"]) == 1
        wait_until(lambda: node.journal.counts()["done"] == 1)


def test_what_an_archive_has_already_is_delivered(start, tmp_path: Path) -> None:
    port = free_port()
    with archive(port, 0x0111) as sent:  # duplicate SOP instance
        node = start(destination=[pacs(port)])
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["done"] == 1)
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("url", "own", "polled", "variable"),
    [
        ("https://a/dicom-web", None, "https://a:443/other", AUTHORIZATION),
        ("https://a/dicom-web", "OWN", "https://a/dicom-web", "OWN"),
        ("https://b/dicom-web", None, "https://a/dicom-web", None),
        ("http://a/dicom-web", None, "https://a/dicom-web", None),
        ("https://a:8443/dicom-web", None, "https://a/dicom-web", None),
        ("https://a/dicom-web", None, None, None),
    ],
)
def test_the_credentials_of_the_poll_are_for_its_server_alone(url, own, polled, variable) -> None:
    web = DicomwebDestination(name="web", kind="dicomweb", url=url, authorization=own)
    assert find_authorization(web, None if polled is None else Poll(url=polled)) == variable


def test_an_archive_that_does_not_know_a_kind_is_told(start, tmp_path: Path) -> None:
    port = free_port()
    with archive(port, 0, classes=(SC,)):
        node = start(destination=[pacs(port)], retry={"first_seconds": 0.05, "tries": 1})
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["failed"] == 1)
        assert "does not take this kind of image" in node.journal.dead_letters()[0].reason


def test_a_hanging_destination_holds_up_no_other(start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:  # accepts, and never says a word
        node = start(destination=[pacs(hanging.getsockname()[1], timeout_seconds=1), shelf(tmp_path)])
        take(node, tmp_path, 1, 2)
        wait_until(lambda: node.journal.backlog().get("shelf", {}).get("delivered") == 2, 20)
        wait_until(lambda: "pacs" in {courier.name for courier in node.couriers if not courier.is_reached}, 20)
        assert node.journal.backlog()["pacs"]["delivered"] == 0
        assert node.journal.waiting() == 2


def test_an_archive_that_stops_to_read_does_not_hold_the_thread_for_ever(tmp_path: Path) -> None:
    port, reads = free_port(), threading.Event()
    image = chest(1)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = SC
    image.Rows = image.Columns = 4000
    image.PixelData = bytes(image.Rows * image.Columns * 2)  # more than all buffers on the way
    entity = AE("PACS")
    entity.add_supported_context(SC)

    def stop_reading(event: evt.Event) -> None:
        if event.data[:1] == b"\x04":  # P-DATA
            reads.wait(60)

    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_DATA_RECV, stop_reading)])
    transport = StoreTransport(DicomDestination.model_validate(pacs(port, timeout_seconds=1)), "NODE")
    raised: list[Exception] = []

    def send() -> None:
        try:
            transport.send([write(tmp_path / "large.dcm", image)])
        except OutputError as error:
            raised.append(error)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(20)
    try:
        assert len(raised) == 1
    finally:
        reads.set()
        server.shutdown()


def test_an_answer_after_the_timeout_doubles_nothing(start, tmp_path: Path) -> None:
    port, first = free_port(), threading.Event()

    def answer(count: int) -> int:
        if count == 1:
            time.sleep(2)
            first.set()
        return 0

    with archive(port, answer) as sent:
        node = start(destination=[pacs(port, timeout_seconds=0.7)])
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["done"] == 1)
        assert first.wait(10)
        assert len(set(sent)) == 2


def test_a_destination_that_is_not_there_gets_all_when_it_comes(start, tmp_path: Path) -> None:
    port = free_port()
    node = start(destination=[pacs(port)])
    take(node, tmp_path, 1, 2, 3)
    wait_until(lambda: node.journal.counts()["segmented"] == 3)
    wait_until(lambda: not all(courier.is_reached for courier in node.couriers))
    with archive(port, 0) as sent:
        wait_until(lambda: node.journal.counts()["done"] == 3)
        assert len(set(sent)) == 6


def test_an_archive_of_one_connection_gets_all_by_that_one(start, tmp_path: Path) -> None:
    port = free_port()

    def answer(_: int) -> int:
        time.sleep(0.4)
        return 0

    settings = {"destination": [pacs(port)], "retry": {"first_seconds": 0.05, "longest_seconds": 0.1, "tries": 2}}
    with archive(port, answer, connections=1) as sent:
        node = start(**settings)
        take(node, tmp_path, *range(1, 7))
        wait_until(lambda: sum(connection.failures for connection in node.couriers[0]._connections) > 2)
        wait_until(lambda: node.couriers[0].is_reached)
        wait_until(lambda: not node.journal.waiting())
        assert node.journal.counts()["done"] == 6
        assert len(sent) == 12, "nothing is sent twice"


def test_an_association_that_the_archive_has_ended_is_opened_again(start, tmp_path: Path) -> None:
    port = free_port()
    with archive(port, 0):
        node = start(destination=[pacs(port)])
        take(node, tmp_path, 1)
        wait_until(lambda: node.journal.counts()["done"] == 1)
    with archive(port, 0) as sent:
        take(node, tmp_path, 2)
        wait_until(lambda: node.journal.counts()["done"] == 2)
        assert len(sent) == 2


def test_a_folder_that_cannot_be_written_is_tried_again(start, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    node = start()
    take(node, tmp_path, 1)
    wait_until(lambda: not all(courier.is_reached for courier in node.couriers))
    (tmp_path / "archive").unlink()
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert len(archived(tmp_path)) == 2
    study = {path.relative_to(tmp_path / "archive").parts[0] for path in archived(tmp_path)}
    assert study == {str(chest(1).StudyInstanceUID)}


def test_what_is_in_a_folder_survives_a_loss_of_power(tmp_path: Path, monkeypatch) -> None:
    (file,) = write_chests(tmp_path / "in", [1])
    flushed: list[Path] = []
    real = os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    FolderTransport(FolderDestination.model_validate(shelf(tmp_path))).send([file])
    (kept,) = archived(tmp_path)
    assert flushed[1:] == [kept.parent, kept.parent.parent, tmp_path / "archive"], "after the file itself"


def test_results_that_were_removed_are_a_dead_letter(start, tmp_path: Path) -> None:
    port = free_port()
    node = start(destination=[pacs(port)])
    take(node, tmp_path, 1)
    wait_until(lambda: node.journal.counts()["segmented"] == 1)
    for file in node.spool.results(1):
        file.unlink()
    wait_until(lambda: node.journal.counts()["failed"] == 1)
    assert "no longer in the spool" in node.journal.find(1).reason
