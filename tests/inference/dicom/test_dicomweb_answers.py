"""Answers of DICOMweb servers that are of another patient, too long, too slow, too deep, or cut short."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import pytest
from dicom_radiograph import radiograph
from dicomweb_server import answer, answering, as_bytes, endless, multipart, series

pytest.importorskip("dicomweb_client", reason="the extra dicom is not installed")
pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")

from monai_lungxfer.inference.dicom import dicomweb, dicomweb_session
from monai_lungxfer.inference.dicom.bounded_http import AnswerLimits
from monai_lungxfer.inference.dicom.dicomweb import fetch_study
from monai_lungxfer.inference.dicom.dicomweb_store import store_instances
from monai_lungxfer.utils.errors import DownloadError, OutputError

STUDY, SERIES = "1.2.3", "1.2.3.1"
SLOW = AnswerLimits(patience=0.5, pace=1_000_000)


@pytest.fixture(autouse=True)
def settings(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(dicomweb_session, "_BACK_OFF", 1)


@pytest.fixture
def limit(monkeypatch):
    def set_limits(limits: AnswerLimits) -> None:
        monkeypatch.setattr(dicomweb_session, "LIMITS", limits)
        monkeypatch.setattr(dicomweb, "LIMITS", limits)

    return set_limits


def instance(uid: str, study: str = STUDY, series: str = SERIES) -> bytes:
    image = radiograph("DX", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=uid)
    image.file_meta.MediaStorageSOPInstanceUID = uid
    return as_bytes(image)


OTHERS = {
    "study": instance("1.2.3.1.9", study="1.2.4"),
    "series": instance("1.2.3.1.9", series="1.2.3.2"),
    "no DICOM": b"Secret^Name",
    "cut": instance("1.2.3.1.9")[:200],
    "empty": b"",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_what_was_not_asked_for_is_refused_and_the_rest_is_kept(tmp_path: Path, other: bytes) -> None:
    refused: list[DownloadError] = []
    body = multipart(other, instance("1.2.3.1.1"))
    with answering(series(SERIES), answer(body)) as url:
        files = fetch_study(url, STUDY, tmp_path / "a", on_refused=refused.append)
        with pytest.raises(DownloadError, match="not of the study and series that were asked for: 1"):
            fetch_study(url, STUDY, tmp_path / "b")
    assert [file.name for file in files] == ["1.2.3.1.1.dcm"]
    assert files[0].read_bytes() == instance("1.2.3.1.1")
    assert [str(error) for error in refused] == [str(refused[0])]
    assert "Secret" not in str(refused[0])
    for folder in ("a", "b"):
        assert [file.name for file in (tmp_path / folder).iterdir()] == ["1.2.3.1.1.dcm"]


def test_an_answer_of_other_patients_alone_is_an_error(tmp_path: Path) -> None:
    refused: list[DownloadError] = []
    with answering(series(SERIES), answer(multipart(OTHERS["study"]))) as url, pytest.raises(DownloadError):
        fetch_study(url, STUDY, tmp_path, on_refused=refused.append)
    assert not refused
    assert not list(tmp_path.iterdir())


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/related; boundary=parts\r\n"
PART = b"\r\n--parts\r\nContent-Type: application/dicom\r\n\r\n"


@pytest.mark.parametrize(
    ("limits", "search", "retrieve", "message"),
    [
        (AnswerLimits(part=100_000), None, endless(HEAD + b"\r\n" + PART, bytes(10_000)), "a part of more than"),
        (AnswerLimits(files=10**6), None, endless(HEAD + b"\r\n" + PART, bytes(10_000)), "an answer of more than 1 MB"),
        (AnswerLimits(parts=100), None, endless(HEAD + b"\r\n", PART * 100), "an answer of more than 100 parts"),
        (SLOW, None, endless(HEAD + b"\r\n" + PART, b"x", 0.02), "takes too long"),
        (SLOW, None, endless(HEAD + b"X-Slow: ", b"x", 0.02), "takes too long"),
        (AnswerLimits(seconds=0.5), None, endless(HEAD + b"\r\n" + PART, bytes(99), 0.01), "takes too long"),
        (
            AnswerLimits(json=10**6),
            endless(HEAD.replace(b"multipart/related", b"application/json") + b"\r\n[", b'"x", ' * 1000),
            answer(b""),
            "an answer of more than 1 MB",
        ),
    ],
)
def test_an_answer_without_end_is_ended(tmp_path: Path, limit, limits, search, retrieve, message) -> None:
    limit(limits)
    started = time.monotonic()
    with answering(search or series(SERIES), retrieve) as url, pytest.raises(DownloadError, match=message):
        fetch_study(url, STUDY, tmp_path)
    assert time.monotonic() - started < 5


JSON = {
    "deep": b"[" * 100_000,
    "a long number": b"[" + b"9" * 5000 + b"]",
    "a text": b'"x"',
    "texts": b'["x"]',
    "lists in lists": b"[[[]]]",
    "no UID": b'[{"0020000E": {"Value": ["../../x"]}}]',
    "a UID that is an object": b'[{"0020000E": {"Value": {"a": 1}}}]',
    "a UID that is a number": b'[{"0020000E": 7}]',
    "NaN": b"[NaN]",
}


@pytest.mark.parametrize("body", JSON.values(), ids=JSON.keys())
def test_json_that_is_no_answer(tmp_path: Path, body: bytes) -> None:
    with (
        answering(answer(body, "application/dicom+json"), answer(b"")) as url,
        pytest.raises(DownloadError, match="answer is not DICOMweb's"),
    ):
        fetch_study(url, STUDY, tmp_path)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"7", b'{"00081198": 7}', b'{"00081198": {"vr": "SQ", "Value": [7]}}']
)
def test_a_receipt_that_is_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.dcm").write_bytes(instance("1.2.3.1.1"))
    receipt = answer(body, "application/dicom+json")
    with answering(receipt, receipt) as url, pytest.raises(OutputError, match="answer is not DICOMweb's"):
        store_instances(url, [tmp_path / "a.dcm"])


def test_an_answer_that_is_packed_several_times_is_refused(tmp_path: Path) -> None:
    body = zlib.compress(zlib.compress(multipart(instance("1.2.3.1.1"))))
    with (
        answering(series(SERIES), answer(body, Content_Encoding="deflate, deflate")) as url,
        pytest.raises(DownloadError, match="packed several times"),
    ):
        fetch_study(url, STUDY, tmp_path)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\nhalf"])
def test_an_answer_without_its_last_boundary_is_not_complete(tmp_path: Path, end: bytes) -> None:
    body = multipart(instance("1.2.3.1.1"), end=end)
    with answering(series(SERIES), answer(body)) as url, pytest.raises(DownloadError, match="no complete answer"):
        fetch_study(url, STUDY, tmp_path)


def test_one_file_without_parts_is_taken(tmp_path: Path) -> None:
    with answering(series(SERIES), answer(instance("1.2.3.1.1"), "application/dicom")) as url:
        (file,) = fetch_study(url, STUDY, tmp_path)
    assert file.read_bytes() == instance("1.2.3.1.1")
