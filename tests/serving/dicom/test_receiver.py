"""Radiographs by C-STORE from dcmtk and pynetdicom, and senders that are not taken."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_node import chest, storescu, wait_until, write_chests
from dicom_writing import by_pillow, compressed
from dicom_writing import write as write_values
from orthanc_server import free_port
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, build_context
from tls_certificates import make_certificates

from monai_lungxfer.serving.dicom.node import DicomNode
from monai_lungxfer.synthetic.chest import portable_radiograph

CT = "1.2.840.10008.5.1.4.1.1.2"
PLAIN, NONE = "WRONG_VERSION_NUMBER", "PEER_DID_NOT_RETURN_A_CERTIFICATE"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"


def send(node: DicomNode, *images: pydicom.Dataset, title: str = "LUNGXFER") -> list[int]:
    """Send by pynetdicom, and return the statuses; empty when the association is not accepted."""
    entity = AE("WARD")
    contexts = {(image.SOPClassUID, image.file_meta.TransferSyntaxUID) for image in images}
    association = entity.associate(
        "127.0.0.1", node.receiver.port, contexts=[build_context(*one) for one in contexts], ae_title=title
    )
    if not association.is_established:
        return []
    statuses = [association.send_c_store(image).get("Status") for image in images]
    association.release()
    return statuses


def stored(node: DicomNode) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(node.spool.radiograph(name)) for name in node.journal.files()]


def finished(node: DicomNode) -> Callable[[], bool]:
    return lambda: node.journal.waiting() == 0


SYNTAXES = {
    "implicit": ("-xi", {"syntax": ImplicitVRLittleEndian}),
    "explicit": ("-xe", {}),
    "big endian": ("-xb", {"syntax": ExplicitVRBigEndian}),
    "deflated": ("-xd", {"syntax": DeflatedExplicitVRLittleEndian}),
    "JPEG baseline": ("-xy", {"finish": by_pillow}),
    "JPEG-LS": ("-xt", {"finish": compressed(JPEGLSLossless)}),
    "JPEG 2000": ("-xv", {"finish": compressed(JPEG2000Lossless)}),
    "RLE": ("-xr", {"finish": compressed(RLELossless)}),
}


def test_every_transfer_syntax_is_kept_as_sent_and_answered(start, tmp_path: Path) -> None:
    node = start()
    pixels = portable_radiograph(np.random.default_rng(3), 150, 118, "normal")[0]
    sent = {}
    for name, (option, arguments) in SYNTAXES.items():
        file = write_values(tmp_path / f"{name}.dcm", pixels, **arguments)
        result = storescu(node.receiver.port, [file], option, "-R")
        assert result.returncode == 0, f"{name}: {result.stderr}"
        sent[pydicom.dcmread(file).SOPInstanceUID] = file
    wait_until(finished(node))
    assert node.journal.counts()["done"] == len(SYNTAXES), [row.reason for row in node.journal.last_failures()]
    for image in stored(node):
        original = pydicom.dcmread(sent[image.SOPInstanceUID])
        assert image.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        assert image.PixelData == original.PixelData


def test_echo(start) -> None:
    node = start()
    address = ["127.0.0.1", str(node.receiver.port)]
    assert subprocess.run(["echoscu", "-aec", "LUNGXFER", *address], check=False).returncode == 0


def test_other_titles_and_callers_are_rejected(start, tmp_path: Path) -> None:
    node = start(listen={"port": free_port(), "callers": ["WARD"]})
    (file,) = write_chests(tmp_path / "in", [1])
    wrong = storescu(node.receiver.port, [file], "-aet", "WARD", title="OTHER")
    unknown = storescu(node.receiver.port, [file], "-aet", "SOMEBODY")
    assert wrong.returncode != 0
    assert "Called AE Title Not Recognized" in wrong.stderr
    assert unknown.returncode != 0
    assert "Calling AE Title Not Recognized" in unknown.stderr
    assert node.journal.counts()["received"] == 0
    assert storescu(node.receiver.port, [file], "-aet", "WARD").returncode == 0


def test_other_addresses_are_not_served(start) -> None:
    node = start(listen={"port": free_port(), "addresses": ["192.0.2.0/24"]})
    assert send(node, chest(1)) == []
    assert not node.journal.files()


def test_other_sop_classes_are_refused_and_companions_left_out(start) -> None:
    node = start()
    ct = chest(1)
    ct.SOPClassUID = ct.file_meta.MediaStorageSOPClassUID = CT
    assert send(node, ct) == []
    mask = chest(2)
    mask.SOPClassUID = mask.file_meta.MediaStorageSOPClassUID = SEG
    lateral = chest(3, ViewPosition="LL")
    assert send(node, mask, lateral) == [0, 0]
    assert [row.reason for row in node.journal.last_failures()] == [
        "its view is not frontal (lateral)",
        "is a segmentation or map, not a radiograph",
    ]


def test_own_results_are_never_inputs(start) -> None:
    kinds = ["segmentation", "overlay", "report", "presentation"]
    node = start(results={"kinds": kinds, "any_view": True})
    assert send(node, chest(1)) == [0]
    wait_until(finished(node))
    results = [pydicom.dcmread(file) for file in node.spool.results(1)]
    assert send(node, *results) == [0] * 4
    wait_until(finished(node))
    assert node.journal.counts() == {"received": 0, "segmented": 0, "done": 1, "failed": 0, "left out": 4}


def test_the_same_again_is_nothing_new_and_other_pixels_are_another_version(start, caplog) -> None:
    node = start(jobs=1)
    first, changed = chest(1), chest(2)
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    renamed = chest(1, PatientName="Corrected^Name")
    assert send(node, first, first, changed, renamed, changed) == [0] * 5
    wait_until(finished(node))
    rows = [node.journal.find(number) for number in (1, 2, 3)]
    assert [row.version for row in rows] == [1, 2, 3]
    assert len(node.journal.files()) == 3
    assert "radiograph 2 has the SOP Instance UID of an earlier one" in caplog.text
    results = [pydicom.dcmread(file) for row in rows for file in node.spool.results(row.number)]
    assert len({result.SOPInstanceUID for result in results}) == 6
    assert len({result.SeriesInstanceUID for result in results}) == 6
    assert "Secret" not in caplog.text
    assert "Corrected" not in caplog.text


def test_one_that_was_left_out_is_segmented_when_its_corrected_header_comes(start) -> None:
    node = start()
    assert send(node, chest(1, ViewPosition="LL")) == [0]
    assert node.journal.counts()["left out"] == 1
    assert send(node, chest(1, ViewPosition="LL"), chest(1, ViewPosition="AP")) == [0, 0]
    wait_until(finished(node))
    assert node.journal.counts() == {"received": 0, "segmented": 0, "done": 1, "failed": 0, "left out": 0}
    assert [path.name for path in (node.spool.folder / "radiographs").iterdir()] == node.journal.files()


def test_one_that_failed_is_tried_again_when_it_comes_anew(start, portable) -> None:
    models = [None, portable]  # the first one fails in a way that nobody knew
    node = start(source=lambda: models.pop(0), jobs=1)
    assert send(node, chest(1)) == [0]
    wait_until(lambda: node.journal.counts()["failed"] == 1)
    assert send(node, chest(1)) == [0]
    wait_until(lambda: node.journal.counts()["done"] == 1)


def test_a_full_disk_is_told_and_the_sender_can_try_again(start, tmp_path: Path) -> None:
    full = start(spool={"folder": tmp_path / "spool", "free_megabytes": 10**9})
    assert send(full, chest(1)) == [0xA700]
    assert not full.journal.files()
    assert not list((tmp_path / "spool" / "radiographs").iterdir())
    full.stop()
    assert send(start(), chest(1)) == [0]


def test_a_full_queue_is_told(start, tmp_path: Path) -> None:
    refusing = [{"kind": "dicom", "name": "pacs", "host": "127.0.0.1", "port": free_port()}]
    spool = {"folder": tmp_path / "spool", "free_megabytes": 1, "most_waiting": 2}
    node = start(destination=refusing, spool=spool)
    assert send(node, chest(1), chest(2), chest(3)) == [0, 0, 0xA700]


def test_control_characters_in_a_name_do_no_harm(start, caplog) -> None:
    node = start()
    image = chest(1)
    image.add(pydicom.DataElement("PatientName", "PN", "Evil\x1b[2J^\r\nName\x00", validation_mode=0))
    assert send(node, image) == [0]
    wait_until(finished(node))
    assert node.journal.counts()["done"] == 1
    results = [pydicom.dcmread(file) for file in node.spool.results(1)]
    assert {str(result.PatientName) for result in results} == {"Evil[2J^Name"}
    assert "Evil" not in caplog.text


def test_uids_of_a_sender_are_no_paths(start, tmp_path: Path) -> None:
    node = start()
    image = chest(1)
    image.StudyInstanceUID = "../../outside"
    image.SeriesInstanceUID = ".."
    assert send(node, image) == [0]
    wait_until(finished(node))
    assert not (tmp_path / "outside").exists()
    inside = [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.dcm")]
    assert set(inside) == {"spool", "archive"}


def test_a_silent_or_hostile_connection_does_not_keep_others_out(start, tmp_path: Path) -> None:
    node = start()
    with socket.create_connection(("127.0.0.1", node.receiver.port)) as silent:
        silent.sendall(b"\x01\x00\xff\xff\xff\xff")  # announces a unit of 4 GB
        assert send(node, chest(1)) == [0]
        silent.settimeout(20)
        assert silent.recv(1) == b""  # closed, without 4 GB being waited for


def test_more_associations_than_allowed_are_rejected(start) -> None:
    node = start(listen={"port": free_port(), "most_associations": 1})
    first = AE("WARD").associate("127.0.0.1", node.receiver.port, contexts=[build_context("1.2.840.10008.1.1")])
    assert first.is_rejected  # ANY-SCP is not its title
    wait_until(lambda: node.receiver.associations == 0)
    entity = AE("WARD")
    entity.add_requested_context("1.2.840.10008.1.1")
    kept = entity.associate("127.0.0.1", node.receiver.port, ae_title="LUNGXFER")
    assert kept.is_established
    assert entity.associate("127.0.0.1", node.receiver.port, ae_title="LUNGXFER").is_rejected
    kept.release()


def test_a_broken_radiograph_gets_a_row_with_the_reason(start, tmp_path: Path) -> None:
    node = start()
    cut = chest(1)
    cut.PixelData = cut.PixelData[: len(cut.PixelData) // 2]
    assert send(node, cut) == [0]
    wait_until(finished(node))
    (row,) = node.journal.last_failures()
    assert row.state == "failed"
    assert row.reason
    assert str(tmp_path) not in row.reason


def test_tls_both_ways(start, tmp_path: Path, caplog) -> None:
    tls = make_certificates(tmp_path)
    archive = start(tmp_path / "b", listen={"port": free_port(), "tls": tls, "ae_title": "ARCHIVE"})
    secure = {"kind": "dicom", "name": "pacs", "host": "127.0.0.1", "port": archive.receiver.port}
    node = start(
        tmp_path / "a",
        listen={"port": free_port(), "tls": tls},
        destination=[{**secure, "ae_title": "ARCHIVE", "tls": tls}],
    )
    (file,) = write_chests(tmp_path / "in", [1])
    options = ["+tls", str(tls["key"]), str(tls["certificate"]), "+cf", str(tls["authority"])]
    assert storescu(node.receiver.port, [file]).returncode != 0
    assert storescu(node.receiver.port, [file], "+tla", "-ic").returncode != 0
    told = [record.getMessage() for record in caplog.records if "TLS" in record.getMessage()]
    assert told == [f"a sender could not connect by TLS ({reason})" for reason in (PLAIN, NONE)]
    with socket.create_connection(("127.0.0.1", node.receiver.port)):  # no handshake: must not keep others out
        result = storescu(node.receiver.port, [file], *options)
    assert result.returncode == 0, result.stderr
    wait_until(finished(node))
    assert node.journal.counts()["done"] == 1
    assert archive.journal.counts()["left out"] == 2


def test_a_port_in_use_is_told(start, tmp_path: Path) -> None:
    node = start()
    with pytest.raises(Exception, match="cannot be listened on"):
        start(tmp_path / "b", listen={"port": node.receiver.port})
