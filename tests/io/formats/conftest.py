"""A picture that tells every flip, turn and transpose apart, and a writer of DICOM files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

DicomWriter = Callable[..., Path]


@pytest.fixture
def picture() -> np.ndarray:
    """8 bits, 40 rows and 60 columns: bright in the upper left corner, brighter downwards and to the right."""
    values = np.add.outer(2 * np.arange(40), np.arange(60)).astype(np.uint8)
    values[:10, :15] = 250
    return values


@pytest.fixture
def write_dicom(tmp_path: Path) -> DicomWriter:
    """Return a function that writes values (H, W) or (H, W, 3) to a file, with the attributes that it is given."""

    def write(values: np.ndarray, name: str = "image.dcm", **attributes: Any) -> Path:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        dataset.Rows, dataset.Columns = values.shape[:2]
        dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
        dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
        if values.ndim == 3:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
        dataset.PixelRepresentation = int(values.dtype.kind == "i")
        dataset.PixelData = values.tobytes()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.HighBit = dataset.BitsStored - 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom 3 calls what pydicom 2 needs deprecated
            dataset.is_little_endian, dataset.is_implicit_VR = True, False
            pydicom.dcmwrite(tmp_path / name, dataset, write_like_original=False)
        return tmp_path / name

    return write
