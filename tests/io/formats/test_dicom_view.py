"""Which headers are those of frontal chest radiographs."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")

from dicom_headers import HEADERS, Header
from dicom_writing import write

from monai_lungxfer.io.formats import dicom
from monai_lungxfer.io.formats.dicom_view import is_directory, judge, promises_image, read_header
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError, ViewError

VALUES = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)


def written(tmp_path: Path, header: Header) -> Path:
    given = {"Modality": None, "BodyPartExamined": None, "ViewPosition": None} | header.attributes
    path = write(tmp_path / "x", VALUES, SpecificCharacterSet="ISO_IR 192", **given)
    dataset = pydicom.dcmread(path)
    for keyword in set(given) - set(header.attributes):
        del dataset[keyword]
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_verdict(header: Header, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, header)
    verdict = judge(read_header(path))
    assert (verdict.view, verdict.objection) == (header.view, header.objection)
    caplog.clear()  # of pydicom's own remarks
    if header.objection is None:
        assert read_radiograph(path, any_view=False).view == header.view
        assert verdict.doubts == header.doubts
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * bool(header.doubts)
        assert all(doubt in caplog.text for doubt in header.doubts)
    else:
        with pytest.raises(ViewError, match=re.escape(header.objection)):
            read_radiograph(path, any_view=False)
        assert not caplog.records
    assert "Roe" not in caplog.text + str(verdict)
    assert read_radiograph(path).view == header.view  # every view is read: a datalist may hold any


def test_files_without_a_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "x", VALUES, Modality="SR")
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.Rows, dataset.Columns, dataset.BitsAllocated
    dataset.save_as(path)
    with pytest.raises(ViewError, match=r"holds no image \(Modality SR\)"):
        read_radiograph(path, any_view=False)


def test_malformed_headers_are_refused_without_their_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(bytes(128) + b"DICM" + bytes(range(200)))
    with pytest.raises(InputFileError):
        read_radiograph(broken, any_view=False)
    path = write(tmp_path / "x", VALUES, BodyPartExamined="")
    dataset = pydicom.dcmread(path)
    dataset.add_new("AnatomicRegionSequence", "LO", "Roe")
    dataset.save_as(path)
    with pytest.raises(InputFileError, match="cannot be decoded as DICOM") as caught:
        read_radiograph(path, any_view=False)
    assert "Roe" not in str(caught.value) + caplog.text


def test_a_large_file_is_judged_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x", VALUES, Modality="XA")
    monkeypatch.setattr(dicom, "_LARGE", 1000)
    monkeypatch.setattr(dicom, "read_dataset", None)
    with pytest.raises(ViewError, match="is no radiograph"):
        read_radiograph(path, any_view=False)


def test_directory_is_known_by_its_class(tmp_path: Path) -> None:
    path = write(tmp_path / "x", VALUES)
    assert not is_directory(path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    dataset.save_as(path)
    assert is_directory(path)
    (tmp_path / "DICOMDIR").write_bytes(b"")
    assert is_directory(tmp_path / "DICOMDIR")


def test_a_file_cut_within_its_header_is_no_other_view(tmp_path: Path) -> None:
    path = write(tmp_path / "x", VALUES, Modality="DX", SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1", ViewPosition="PA")
    content = path.read_bytes()
    pixels = content.rfind(b"\xe0\x7f\x10\x00")
    for length in range(132, pixels + 8):
        path.write_bytes(content[:length])
        with pytest.raises(InputFileError) as caught:
            read_radiograph(path, any_view=False)
        assert not isinstance(caught.value, ViewError), length


@pytest.mark.parametrize(
    ("uid", "modality", "promised"),
    [
        ("1.2.840.10008.5.1.4.1.1.1", "", True),
        ("1.2.840.10008.5.1.4.1.1.88.11", "", False),  # a report
        ("1.2.3.4", "", True),
        ("1.2.3.4", "OTHER", False),
        ("1.2.840.10008.5.1.4.1.1.7", "SR", False),
    ],
)
def test_what_promises_an_image(uid: str, modality: str, promised: bool) -> None:
    header = pydicom.Dataset()
    header.SOPClassUID, header.Modality = uid, modality
    assert promises_image(header) is promised
