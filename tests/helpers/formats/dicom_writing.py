"""Writing DICOM files of every kind from known values."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    generate_uid,
)

__all__ = ["by_pillow", "chest_header", "compressed", "lut", "with_overlay", "write"]


def chest_header() -> dict[str, Any]:
    """Return the attributes by which a frontal chest radiograph is known."""
    return {"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}


def write(
    path: Path, values: np.ndarray, *, syntax: str = ExplicitVRLittleEndian, finish: Callable | None = None, **more: Any
) -> Path:
    """Write values (H, W) or (H, W, 3) as they are; `finish` compresses, by pydicom or by Pillow."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if finish else syntax
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    implicit = syntax == ImplicitVRLittleEndian
    dataset = FileDataset(None, {}, bytes(128), meta, is_implicit_VR=implicit, is_little_endian=order == "<")
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.PatientID = dataset.StudyInstanceUID = dataset.SeriesInstanceUID = ""
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    for keyword, value in (chest_header() | more).items():
        setattr(dataset, keyword, value)
    dataset.HighBit = more.get("HighBit", dataset.BitsStored - 1)
    kind = "OB" if values.dtype.itemsize == 1 else "OW"
    stored = values.astype(values.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"] = pydicom.DataElement("PixelData", kind, stored)
    if finish:
        finish(dataset, values)
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut(table: np.ndarray, first: int, bits: int, vr: str = "US") -> Dataset:
    """Return the item of a LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(table), first, bits])
    if vr == "OW":
        item.add_new("LUTData", "OW", table.astype("<u2" if bits > 8 else "u1").tobytes())
    else:
        item.add_new("LUTData", "US", table.astype(np.uint16).tolist())
    return item


def short_lut(table: np.ndarray, missing: int) -> Dataset:
    """Return the item of a 12-bit LUT whose last entries are missing."""
    item = lut(table, 0, 12)
    item.LUTData = item.LUTData[:-missing]
    return item


def compressed(syntax: str, **options: Any) -> Callable[[FileDataset, np.ndarray], None]:
    return lambda dataset, values: dataset.compress(syntax, generate_instance_uid=False, **options)


def by_pillow(dataset: FileDataset, values: np.ndarray) -> None:
    with io.BytesIO() as buffer:
        Image.fromarray(values).save(buffer, "JPEG", quality=98, subsampling=0)
        dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PhotometricInterpretation = "YBR_FULL" if values.ndim == 3 else "MONOCHROME2"


def with_overlay(dataset: FileDataset, values: np.ndarray) -> None:
    dataset.add_new((0x6000, 0x0010), "US", values.shape[0])
    dataset.add_new((0x6000, 0x0011), "US", values.shape[1])
    dataset.add_new((0x6000, 0x0040), "CS", "G")
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x0100), "US", 1)
    dataset.add_new((0x6000, 0x0102), "US", 0)
    every_third = np.resize([True, False, False], values.size)
    dataset.add_new((0x6000, 0x3000), "OW", np.packbits(every_third, bitorder="little").tobytes())
