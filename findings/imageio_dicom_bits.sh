#!/usr/bin/env bash
# imageio 2.38.1 returns signed DICOM pixels of 12 bits as if they were unsigned: -2048 becomes 2048. It takes the words of
# 16 bits as they are, and the four unused bits are zero here, which is valid (PS3.5 section 8.1.1).
# pydicom 3.0.1 extends the sign.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet imageio==2.38.1 pydicom==3.0.1 numpy==2.4.6
mkdir "$folder/images"
cd "$folder"
env/bin/python - << 'PYTHON'
import contextlib
import io
from importlib.metadata import version

import imageio.v3 as imageio
import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

PIXELS = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
EMPTY = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber"


def write(name: str) -> None:
    """Write a secondary capture of 12 signed bits."""
    image = pydicom.Dataset()
    for key in (*EMPTY.split(), "PatientOrientation", "Laterality"):
        setattr(image, key, None)
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.ConversionType, image.InstanceNumber, image.SeriesNumber = "OT", "WSD", 1, 1
    image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 1
    image.PixelData = (PIXELS & 0xFFF).astype("<u2").tobytes()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(name, enforce_file_format=True)


write("images/one.dcm")
with contextlib.redirect_stdout(io.StringIO()):  # its progress bar
    by_imageio = imageio.imread("images/one.dcm")
by_pydicom = pydicom.dcmread("images/one.dcm").pixel_array
print(f"written: {PIXELS.min()} to {PIXELS.max()}")
print(f"imageio {version('imageio')}: {by_imageio.min()} to {by_imageio.max()}")
print(f"pydicom {version('pydicom')}: {by_pydicom.min()} to {by_pydicom.max()}")
as_described = np.array_equal(by_imageio, PIXELS & 0xFFF) and np.array_equal(by_pydicom, PIXELS)
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON
