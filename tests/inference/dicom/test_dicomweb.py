"""Studies from a real Orthanc and results back to it, by DICOMweb and C-STORE."""

from __future__ import annotations

import contextlib
import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import SHAPE, lung_mask, radiograph, save_dicom_seg, write
from orthanc_server import BASIC, free_port
from tls_certificates import make_certificates

from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.utils.errors import DownloadError, InputFileError, LungXferError, OutputError

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("dicomweb_client", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from monai_lungxfer.inference.dicom import dicomweb, dicomweb_session  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb import fetch_study  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb_store import store_instances  # noqa: E402
from monai_lungxfer.inference.dicom.source import RefusedError  # noqa: E402
from monai_lungxfer.inference.dicom.store_scu import Archive, send  # noqa: E402

MODEL = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32)
STUDY = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(AUTHORIZATION, BASIC)
    monkeypatch.setattr(dicomweb_session, "_BACK_OFF", 1)


def study(folder: Path, number: int) -> list[Path]:
    """Write a study of two radiographs, of MONOCHROME1 and 2, and one of another modality."""
    images = {
        "cr": radiograph("CR", "MONOCHROME1", 10),
        "dx": radiograph("DX", "MONOCHROME2", 14),
        "us": radiograph("SC", "MONOCHROME2", 8, Modality="US"),
    }
    files = []
    for index, (name, image) in enumerate(images.items()):
        image.StudyInstanceUID = f"{STUDY}.{number}"
        image.SeriesInstanceUID = f"{STUDY}.{number}.{index}"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.{number}.{index}.1"
        files.append(write(folder / f"{name}.dcm", image))
    return files


def by_uid(files) -> dict[str, pydicom.Dataset]:
    return {image.SOPInstanceUID: image for image in map(pydicom.dcmread, files)}


def test_round_trip_by_dicomweb(orthanc, tmp_path) -> None:
    url, _ = orthanc
    sent = study(tmp_path, 10)
    store_instances(url, sent)
    fetched = fetch_study(url, f"{STUDY}.10", tmp_path / "in")
    originals = by_uid(sent[:2])
    assert by_uid(fetched).keys() == originals.keys()
    for uid, image in by_uid(fetched).items():
        assert np.array_equal(image.pixel_array, originals[uid].pixel_array)
        assert image.PhotometricInterpretation == originals[uid].PhotometricInterpretation
    for file in fetched:
        save_dicom_seg(tmp_path / "out" / file.name, file, lung_mask(), MODEL, sides=True)
    results = sorted((tmp_path / "out").iterdir())
    for _ in range(2):  # a repeat adds nothing
        store_instances(url, results)
        back = fetch_study(url, f"{STUDY}.10", tmp_path / "back", modalities=["SEG"])
        assert by_uid(back).keys() == by_uid(results).keys()
    referenced = set()
    for file in back:
        seg = highdicom.seg.segread(file)
        assert seg.pixel_array.shape == (2, *SHAPE)
        assert np.array_equal(seg.pixel_array.sum(axis=0), lung_mask())
        referenced.add(seg.SourceImageSequence[0].ReferencedSOPInstanceUID)
    assert referenced == originals.keys()


def test_radiographs_with_one_uid_in_several_series_are_all_fetched(orthanc, tmp_path, caplog) -> None:
    url, _ = orthanc
    sent = {}
    for index in range(3):
        image = radiograph("DX", bits=10 + index)
        image.StudyInstanceUID, image.SeriesInstanceUID = f"{STUDY}.15", f"{STUDY}.15.{index}"
        shared = f"{STUDY}.15.{9 if index < 2 else 8}"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = shared
        sent[image.SeriesInstanceUID] = write(tmp_path / f"{index}.dcm", image)
    store_instances(url, list(sent.values()))
    fetched = fetch_study(url, f"{STUDY}.15", tmp_path / "in")
    assert sorted(file.name for file in fetched) == [
        f"{STUDY}.15.8.dcm",
        f"{STUDY}.15.9-{STUDY}.15.0.dcm",
        f"{STUDY}.15.9-{STUDY}.15.1.dcm",
    ]
    assert sorted((tmp_path / "in").iterdir()) == sorted(fetched)
    for image in map(pydicom.dcmread, fetched):
        original = pydicom.dcmread(sent[image.SeriesInstanceUID])
        assert np.array_equal(image.pixel_array, original.pixel_array)
    assert "another series has, too, all of them fetched: 2" in caplog.text


def test_round_trip_by_c_store(orthanc, tmp_path) -> None:
    url, port = orthanc
    sent = study(tmp_path, 20)
    save_dicom_seg(tmp_path / "seg.dcm", sent[0], lung_mask(), MODEL)
    send([*sent, tmp_path / "seg.dcm"], Archive("127.0.0.1", port, "ORTHANC"))
    fetched = by_uid(fetch_study(url, f"{STUDY}.20", tmp_path / "in", modalities=None))
    assert sorted(image.Modality for image in fetched.values()) == ["CR", "DX", "SEG", "US"]
    (seg,) = (image for image in fetched.values() if image.Modality == "SEG")
    assert np.array_equal(seg.pixel_array, lung_mask())


def test_unknown_study(orthanc, tmp_path) -> None:
    with pytest.raises(InputFileError, match="no such study"):
        fetch_study(orthanc[0], "1.2.3.4.5", tmp_path)
    with pytest.raises(InputFileError, match="not a Study Instance UID"):
        fetch_study(orthanc[0], "../1", tmp_path)


def test_study_of_another_modality(orthanc, tmp_path) -> None:
    store_instances(orthanc[0], study(tmp_path, 30)[2:])
    with pytest.raises(InputFileError, match="no series of the modality CR, DX, DR, RG, but of US"):
        fetch_study(orthanc[0], f"{STUDY}.30", tmp_path)


@pytest.mark.parametrize(("authorization", "status"), [(None, 401), ("Basic d3Jvbmc6d3Jvbmc=", 401)])
def test_wrong_credentials(orthanc, tmp_path, monkeypatch, authorization, status) -> None:
    if authorization is None:
        monkeypatch.delenv(AUTHORIZATION)
    else:
        monkeypatch.setenv(AUTHORIZATION, authorization)
    files = study(tmp_path, 40)
    with pytest.raises(DownloadError, match=f"answered {status}.*{AUTHORIZATION}"):
        fetch_study(orthanc[0], STUDY, tmp_path)
    with pytest.raises(OutputError, match=f"answered {status}") as caught:
        store_instances(orthanc[0], files)
    assert "d3Jvbmc" not in str(caught.value)


def test_wrong_address(orthanc, tmp_path) -> None:
    with pytest.raises(DownloadError, match=r"answered 404.*/dicom-web"):
        fetch_study(orthanc[0] + "/nothing", STUDY, tmp_path)


def test_nobody_there(tmp_path, caplog) -> None:
    port = free_port()
    files = study(tmp_path, 50)
    with pytest.raises(DownloadError, match=f"127.0.0.1:{port}: no complete answer"):
        fetch_study(f"http://127.0.0.1:{port}/dicom-web", STUDY, tmp_path)
    with pytest.raises(OutputError, match="no complete answer"):
        store_instances(f"http://127.0.0.1:{port}/dicom-web", files)
    with caplog.at_level(logging.INFO, "pynetdicom"), pytest.raises(OutputError, match="cannot be reached"):
        send(files, Archive("127.0.0.1", port))
    assert "Secret" not in caplog.text


def test_refused_by_c_store(orthanc, tmp_path) -> None:
    files = study(tmp_path, 60)
    with pytest.raises(OutputError, match=r"refuses the association \(Called AE title not recognised\).*'ANOTHER'"):
        send(files, Archive("127.0.0.1", orthanc[1], "ANOTHER"))
    (tmp_path / "a.dcm").write_text("Secret^Name")
    with pytest.raises(InputFileError, match="DICOM file"):
        send([tmp_path / "a.dcm"], Archive("127.0.0.1", orthanc[1], "ORTHANC"))
    with pytest.raises(InputFileError, match="DICOM"):
        store_instances(orthanc[0], [tmp_path / "a.dcm"])


@contextlib.contextmanager
def archive_that_takes(classes, answer):
    """Listen as an archive of some SOP classes, whose status for an instance is `answer(instance)`."""
    import pynetdicom

    entity, stored = pynetdicom.AE(), []
    for sop_class in classes:
        entity.add_supported_context(sop_class)

    def handle(event):
        stored.append(event.dataset.SOPInstanceUID)
        return answer(event.dataset)

    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_STORE, handle)])
    try:
        yield Archive("127.0.0.1", port), stored
    finally:
        server.shutdown()


def test_a_refused_file_does_not_hold_up_the_others(tmp_path) -> None:
    cr, dx, us = study(tmp_path, 61)
    classes = [
        pydicom.dcmread(file).SOPClassUID for file in (cr, us)
    ]  # of the three, the digital radiograph is not taken

    def answer(image):
        return 0xA700 if image.Modality == "CR" else 0xB000  # out of resources; stored with changes

    with archive_that_takes(classes, answer) as (archive, stored):
        send([us], archive)
        with pytest.raises(OutputError, match=r"cr\.dcm: .* refuses 2 of 3 files.*status 0xa700.*others are stored"):
            send([cr, dx, us], archive)
        assert stored == [f"{STUDY}.61.2.1", f"{STUDY}.61.0.1", f"{STUDY}.61.2.1"]
        with pytest.raises(OutputError, match="takes no files of these kinds"):
            send([dx], archive)


@pytest.mark.parametrize(
    ("address", "archive"),
    [
        ("PACS@example.org:104", Archive("example.org", 104, "PACS")),
        ("my pacs 1@10.0.0.7:11112", Archive("10.0.0.7", 11112, "my pacs 1")),
        ("[::1]:4242", Archive("::1", 4242, "ANY-SCP")),
    ],
)
def test_addresses(address: str, archive: Archive) -> None:
    assert Archive.at(address) == archive


@pytest.mark.parametrize("address", ["host", "PACS@host", "host:0", "host:99999", "host:dicom", "dicom://host:104", ""])
def test_no_addresses(address: str) -> None:
    with pytest.raises(LungXferError, match="not an address of an archive"):
        Archive.at(address)


@pytest.mark.parametrize("title", ["", " ", "A" * 17, "MÜNCHEN", "A\\B"])
def test_no_titles(title: str) -> None:
    with pytest.raises(LungXferError, match="not an application entity title"):
        Archive.at(f"{title}@host:104")
    with pytest.raises(LungXferError, match="not an application entity title"):
        Archive.at("host:104", own_title=title)


def test_urls(tmp_path) -> None:
    with pytest.raises(LungXferError, match="not a URL"):
        fetch_study("server:8042", STUDY, tmp_path)
    with pytest.raises(LungXferError, match="password in it") as caught:
        fetch_study("https://me:hidden@server/dicom-web", STUDY, tmp_path)
    assert "hidden" not in str(caught.value)


@contextlib.contextmanager
def answering(status: int, kind: str, body: bytes, location: str | None = None, tls: dict[str, Path] | None = None):
    """Answer every request the same way, as servers that are something else do."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *arguments) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls["certificate"], tls["key"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' * bool(tls)}://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_of_another_kind(tmp_path) -> None:
    with (
        answering(200, "text/html", b"<p>Secret^Name</p>") as url,
        pytest.raises(DownloadError, match="answer") as caught,
    ):
        fetch_study(url, STUDY, tmp_path)
    assert "Secret" not in str(caught.value)


def test_a_busy_server(tmp_path) -> None:
    with answering(503, "text/plain", b"") as url, pytest.raises(DownloadError, match="too busy"):
        fetch_study(url, STUDY, tmp_path)


def test_a_certificate_of_an_unknown_authority(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    tls = make_certificates(tmp_path / "tls")
    files = study(tmp_path, 73)
    with answering(200, "application/dicom+json", b"{}", tls=tls) as url:
        with pytest.raises(OutputError, match=r"certificate is not accepted.*REQUESTS_CA_BUNDLE"):
            store_instances(url, files)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls["authority"]))
        store_instances(url, files)


def failed(*reasons: int) -> bytes:
    items = [{"00081197": {"vr": "US", "Value": [reason]}} for reason in reasons]
    return json.dumps({"00081198": {"vr": "SQ", "Value": items}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "body", "reason"),
    [
        (202, "application/dicom+json", failed(0xA700), "failure reason 0xa700"),
        (202, "application/dicom+json; charset=utf-8", failed(0xA700), "failure reason 0xa700"),
        (409, "application/dicom+json", failed(0xA700), "failure reason 0xa700"),
        (202, "application/dicom+json", failed(0x0111, 0xA700), "failure reason 0xa700"),
        (409, "text/plain", b"", "it answered 409"),
        (409, "application/dicom+json", b"{}", "it answered 409"),
    ],
)
def test_instances_that_are_refused(tmp_path, status, kind, body, reason) -> None:
    files = study(tmp_path, 70)
    with (
        answering(status, kind, body) as url,
        pytest.raises(RefusedError, match=rf"cr\.dcm: .* refuses 3 of 3 files.*{reason}"),
    ):
        store_instances(url, files)


@pytest.mark.parametrize("status", [202, 409])
@pytest.mark.parametrize("reason", [0x0111, 0xB00E])
def test_instances_that_the_server_has_already_are_stored(tmp_path, status, reason) -> None:
    with answering(status, "application/dicom+json", failed(reason)) as url:
        store_instances(url, study(tmp_path, 71))


@pytest.mark.parametrize(
    ("status", "location", "words"), [(200, None, "not DICOMweb's"), (302, "/login", "another address")]
)
def test_a_log_in_before_the_server_stores_nothing(tmp_path, status, location, words) -> None:
    with (
        answering(status, "text/html; charset=utf-8", b"<p>Log in", location) as url,
        pytest.raises(OutputError, match=words),
    ):
        store_instances(url, study(tmp_path, 72))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_name_stays_in_the_folder() -> None:
    image = pydicom.Dataset()
    image.SOPInstanceUID = "1.2.3"
    assert dicomweb._file_stem(str(image.SOPInstanceUID)) == "1.2.3"
    image[0x0008_0018]._value = pydicom.uid.UID("../../etc/x")
    assert "/" not in dicomweb._file_stem(str(image.SOPInstanceUID), "1.2.3")
