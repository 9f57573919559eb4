"""Which headers are those of frontal chest radiographs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest

pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")

from dicom_headers import HEADERS, Header
from dicom_writing import chest_header, write
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_view import is_directory, judge, objection_to, read_header
from monai_lungxfer.io.radiograph import read_radiograph

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
    caplog.clear()  # of pydicom's own remarks
    read = read_header(path)
    verdict = judge(read)
    assert (verdict.view, verdict.objection) == (header.view, header.objection)
    assert objection_to(read, "x") == header.objection
    if header.objection is None:
        assert verdict.doubts == header.doubts
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * bool(header.doubts)
        assert all(doubt in caplog.text for doubt in header.doubts)
    else:
        assert not caplog.records
    assert "Roe" not in caplog.text + str(verdict)
    assert read_radiograph(path).view == header.view  # every view is read: a datalist may hold any


def test_files_without_a_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "x", VALUES, Modality="SR")
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.Rows
    dataset.save_as(path)
    assert objection_to(read_header(path), "x") == "holds no image (Modality SR)"


def test_malformed_headers_are_left_to_the_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(bytes(128) + b"DICM" + bytes(range(200)))
    header = read_header(broken)
    assert header is None or objection_to(header, "x") is not None
    header = Dataset()
    for keyword, value in (chest_header() | {"Rows": 40, "BodyPartExamined": ""}).items():
        setattr(header, keyword, value)
    header.add_new("AnatomicRegionSequence", "LO", "Roe")
    assert objection_to(header, "x") is None
    assert "its header is malformed" in caplog.text
    assert "Roe" not in caplog.text


def test_directory_is_known_by_its_class(tmp_path: Path) -> None:
    path = write(tmp_path / "x", VALUES)
    assert not is_directory(path)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    dataset.save_as(path)
    assert is_directory(path)
    (tmp_path / "DICOMDIR").write_bytes(b"")
    assert is_directory(tmp_path / "DICOMDIR")
