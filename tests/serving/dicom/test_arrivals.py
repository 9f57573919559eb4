"""What tells one content of a SOP Instance UID from another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_node import chest
from dicom_radiograph import write
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.serving.dicom.arrivals import hash_content


def read_hash(path: Path, image: pydicom.Dataset) -> str:
    return hash_content(read_dataset(write(path, image)))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_the_transfer_syntax_makes_no_difference(tmp_path: Path, syntax: str) -> None:
    image, other = chest(1), chest(1)
    other.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        other.PixelData = np.frombuffer(other.PixelData, "<u2").astype(">u2").tobytes()
        other = pydicom.dataset.FileDataset(
            None, other, bytes(128), other.file_meta, is_implicit_VR=False, is_little_endian=False
        )
    assert read_hash(tmp_path / "a.dcm", image) == read_hash(tmp_path / "b.dcm", other)


def test_pixels_and_patient_make_a_difference_and_an_archives_remarks_do_not(tmp_path: Path) -> None:
    image = chest(1)
    first = read_hash(tmp_path / "a.dcm", image)
    image.InstitutionName, image.RetrieveAETitle = "Elsewhere", "ARCHIVE"
    assert read_hash(tmp_path / "b.dcm", image) == first
    image.PatientName = "Corrected^Name"
    renamed = read_hash(tmp_path / "c.dcm", image)
    image.PixelData = image.PixelData[:-2] + b"\1\0"
    assert len({first, renamed, read_hash(tmp_path / "d.dcm", image)}) == 3


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("EstimatedRadiographicMagnificationFactor", "1.25"),  # of which areas follow
        ("NominalScannedPixelSpacing", ["0.2", "0.2"]),
        ("PresentationLUTShape", "INVERSE"),  # and these say whether air is bright
        ("PixelIntensityRelationshipSign", 1),
    ],
)
def test_what_results_depend_on_makes_a_difference(tmp_path: Path, keyword: str, value: object) -> None:
    image = chest(1)
    first = read_hash(tmp_path / "a.dcm", image)
    setattr(image, keyword, value)
    assert read_hash(tmp_path / "b.dcm", image) != first
