"""The DICOMDIR of a CD, made by pydicom, and how its names appear on other systems."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pydicom", minversion="3", reason="the DICOMDIR is written by pydicom 3")

import pydicom
from dicom_radiograph import radiograph
from pydicom.fileset import FileSet

from monai_lungxfer.inference.dicom.directory import find_directory, listed_files
from monai_lungxfer.inference.inputs import find_inputs


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    files = FileSet()
    for number in range(2):
        image = radiograph("DX", SOPInstanceUID=f"2.25.{number + 1}", SeriesInstanceUID=f"2.25.1{number}")
        files.add(image)
    files.write(tmp_path / "cd")
    return tmp_path / "cd"


def names(disc: Path) -> list[str] | None:
    listed = listed_files(disc / "DICOMDIR")
    return None if listed is None else [path.relative_to(disc).as_posix() for path in listed]


FILES = ["PT000000/ST000000/SE000000/IM000000", "PT000000/ST000000/SE000001/IM000000"]


def test_the_files_are_those_of_its_records(disc: Path) -> None:
    assert names(disc) == FILES


def test_missing_files_are_listed_unless_all_are(disc: Path) -> None:
    (disc / FILES[1]).unlink()
    assert names(disc) == FILES
    (disc / FILES[0]).unlink()
    assert names(disc) is None


def test_a_directory_that_is_cut_short_is_told_and_not_followed(disc: Path, caplog) -> None:
    content = (disc / "DICOMDIR").read_bytes()
    for length in range(132, len(content), 7):
        (disc / "DICOMDIR").write_bytes(content[:length])
        caplog.clear()
        assert names(disc) is None, length
        assert "cut short" in caplog.text
        assert disc.name not in caplog.text
    found = find_inputs([disc])
    assert [item.left_out for item in found] == [None, None]


def test_a_directory_of_nothing_is_not_followed(disc: Path) -> None:
    (disc / "DICOMDIR").write_bytes(b"no DICOM")
    assert names(disc) is None


def test_names_are_found_in_small_letters_and_with_a_version(disc: Path) -> None:
    (disc / FILES[0]).rename((disc / FILES[0]).with_name("im000000.;1"))
    (disc / "PT000000").rename(disc / "pt000000")
    assert names(disc) == ["pt000000/ST000000/SE000000/im000000.;1", "pt000000/ST000000/SE000001/IM000000"]
    assert find_directory(disc, ["x", "dicomdir;1"]) == disc / "dicomdir;1"
    assert find_directory(disc, ["DICOMDIR2"]) is None


def test_no_name_leads_out_of_the_folder(disc: Path) -> None:
    directory = pydicom.dcmread(disc / "DICOMDIR")
    images = [record for record in directory.DirectoryRecordSequence if "ReferencedFileID" in record]
    images[0].ReferencedFileID = ["..", "..", "secret"]
    directory.save_as(disc / "DICOMDIR")
    assert names(disc) == [FILES[1], "secret"]


def test_records_that_are_no_longer_used_do_not_count(disc: Path) -> None:
    directory = pydicom.dcmread(disc / "DICOMDIR")
    images = [record for record in directory.DirectoryRecordSequence if "ReferencedFileID" in record]
    images[1].RecordInUseFlag = 0
    directory.save_as(disc / "DICOMDIR")
    assert names(disc) == [FILES[0]]
