"""Phantoms as DICOM files: valid, read as frontal radiographs, and the same each time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.dicom_phantoms import write_dicom_phantoms
from monai_lungxfer.utils.errors import LungXferError, OutputError


def test_they_are_read_as_frontal_radiographs(tmp_path: Path) -> None:
    files = write_dicom_phantoms(tmp_path / "new", 2, size=200)
    assert [file.name for file in files] == ["phantom-0001.dcm", "phantom-0002.dcm"]
    radiograph = read_radiograph(files[0], any_view=False)
    assert radiograph.pixels.shape == (200, 180)
    assert radiograph.view == "AP"
    assert radiograph.spacing == pytest.approx((2, 2))
    assert radiograph.remarks == ()
    assert np.ptp(radiograph.pixels) > 1000


def test_each_is_of_a_patient_and_study_of_its_own(tmp_path: Path) -> None:
    headers = [pydicom.dcmread(file) for file in write_dicom_phantoms(tmp_path, 3, size=128)]
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "AccessionNumber"):
        assert len({header[keyword].value for header in headers}) == 3, keyword
    assert str(headers[0].PatientName) == "Phantom^0001"
    assert headers[0].StudyDescription == "Phantom, drawn by a computer"


def test_they_depend_on_seed_number_and_size_alone(tmp_path: Path) -> None:
    one, other = write_dicom_phantoms(tmp_path / "a", 1, size=128), write_dicom_phantoms(tmp_path / "b", 2, size=128)
    assert one[0].read_bytes() == other[0].read_bytes()
    (different,) = write_dicom_phantoms(tmp_path / "c", 1, size=128, seed=1)
    first, second = pydicom.dcmread(one[0]), pydicom.dcmread(different)
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.PixelData != second.PixelData


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
def test_they_are_valid(tmp_path: Path) -> None:
    (file,) = write_dicom_phantoms(tmp_path, 1, size=128)
    found = subprocess.run(["dciodvfy", str(file)], check=False, capture_output=True, text=True)
    assert (found.stdout + found.stderr).split() == ["CRImage"]


def test_what_is_there_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    (file,) = write_dicom_phantoms(tmp_path, 1, size=128)
    file.write_bytes(b"another")
    with pytest.raises(OutputError, match="is there already"):
        write_dicom_phantoms(tmp_path, 2, size=128)
    assert not (tmp_path / "phantom-0002.dcm").exists()
    write_dicom_phantoms(tmp_path, 1, size=128, overwrite=True)
    assert read_radiograph(file).pixels.shape == (128, 115)


def test_a_size_without_anatomy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="too small for anatomy"):
        write_dicom_phantoms(tmp_path, 1, size=20)
