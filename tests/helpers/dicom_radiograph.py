"""Small DICOM radiographs, a lung mask that no shift, mirroring or transposition leaves as it is, and validity."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from monai_lungxfer.inference.dicom.source import read_source, save_dicom
from monai_lungxfer.inference.segmentation import ModelIdentity

SHAPE = (37, 53)  # odd: the frames of a segmentation do not end at a byte
CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}


def lung_mask() -> np.ndarray:
    """Return two lungs, the one on the left side of the image larger, and an island near it."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:30, 6:20] = 1
    mask[8:27, 30:41] = 1
    mask[33, 9] = 1
    return mask


def radiograph(kind: str = "CR", photometric: str = "MONOCHROME2", bits: int = 12, **attributes: Any) -> Dataset:
    """Return a radiograph with a patient; attributes of value ``None`` are removed."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CLASSES[kind]
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{len(kind)}.{bits}"
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
    image.Modality = "CR" if kind == "SC" else kind
    image.PatientName, image.PatientID = "Secret^Name", "SECRET-ID"
    image.PatientBirthDate, image.PatientSex = "19500102", "F"
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20200405", "101112", "S1", "A1"
    image.ReferringPhysicianName, image.SeriesNumber, image.InstanceNumber = "Referring^Doctor", 3, 1
    image.PatientOrientation = ["L", "F"]
    image.PixelSpacing = image.ImagerPixelSpacing = [0.2, 0.3]
    image.Rows, image.Columns = SHAPE
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, photometric, 0
    image.BitsAllocated, image.BitsStored, image.HighBit = (8 if bits <= 8 else 16), bits, bits - 1
    values = np.random.default_rng(bits).integers(0, 2**bits, SHAPE).astype("<u1" if bits <= 8 else "<u2")
    image.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    for keyword, value in attributes.items():
        if value is not None:
            setattr(image, keyword, value)
        elif keyword in image:
            del image[keyword]
    return image


def as_dicom(pixels: np.ndarray, photometric: str, **attributes: Any) -> Dataset:
    """Return a picture (H, W) of uint8 as a frontal radiograph of 12 bits, whichever end of its scale is white."""
    image = radiograph(photometric=photometric, **{"BodyPartExamined": "CHEST", "ViewPosition": "AP", **attributes})
    values = pixels.astype("<u2") * 16
    image.Rows, image.Columns = pixels.shape
    image.PixelData = (4095 - values if photometric == "MONOCHROME1" else values).astype("<u2").tobytes()
    return image


def write(path: Path, image: Dataset) -> Path:
    """Write a radiograph as a DICOM file."""
    image.save_as(path, enforce_file_format=True)
    return path


def save_dicom_seg(path: Path, source: Path, mask: np.ndarray, identity: ModelIdentity, *, sides: bool = False) -> None:
    """Write the segmentation of a radiograph's file."""
    from monai_lungxfer.inference.dicom.segmentation import lung_segmentation  # needs an extra

    save_dicom(path, lung_segmentation(read_source(source), mask, identity, sides=sides))


_KNOWN = ("Segmentation", "SCImage", "ComprehensiveSR", "GrayscaleSoftcopyPresentationState")
_KNOWN += ("ColorSoftcopyPresentationState",)


def errors_of(path: Path) -> list[str]:
    """Return what dciodvfy of dicom3tools finds wrong."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    found = subprocess.run(["dciodvfy", str(path)], check=False, capture_output=True, text=True, errors="replace")
    lines = (found.stdout + found.stderr).splitlines()
    assert any(line.strip() in _KNOWN for line in lines), lines
    return [line for line in lines if line.startswith("Error")]
