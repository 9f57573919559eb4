#!/usr/bin/env bash
# ITK 5.4.7 (GDCM) reads a binary DICOM SEG whose number of pixels is no multiple of 8 with wrong pixels at its end: those
# that share the last byte. pydicom 3.0.2 reads them right. highdicom 0.28.2 has written the file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet itk==5.4.7 pydicom==3.0.2 highdicom==0.28.2 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
from importlib.metadata import version

import highdicom
import itk
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def source(rows: int, columns: int) -> pydicom.Dataset:
    image = pydicom.Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.PatientName, image.PatientID, image.PatientSex, image.PatientBirthDate = "DX", "P", "1", "", ""
    image.AccessionNumber = image.StudyID = image.StudyDate = image.StudyTime = image.ReferringPhysicianName = ""
    image.SeriesNumber = image.InstanceNumber = 1
    image.PatientOrientation = ["L", "F"]
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.Rows, image.Columns = rows, columns
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelData = bytes(2 * rows * columns)
    return image


def wrong_pixels(rows: int, columns: int) -> tuple[int, int]:
    mask = np.ones((rows, columns), np.uint8)
    lung = CodedConcept("39607008", "SCT", "Lung")
    description = highdicom.seg.SegmentDescription(
        segment_number=1, segment_label="Lung", segmented_property_type=lung,
        segmented_property_category=CodedConcept("123037004", "SCT", "Anatomical Structure"),
        algorithm_type="MANUAL",
    )  # fmt: skip
    written = highdicom.seg.Segmentation(
        source_images=[source(rows, columns)], pixel_array=mask, segmentation_type="BINARY",
        segment_descriptions=[description], series_instance_uid=generate_uid(), series_number=2,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="None", manufacturer_model_name="None",
        software_versions="1", device_serial_number="1",
    )  # fmt: skip
    written.save_as("seg.dcm")
    by_pydicom = np.squeeze(pydicom.dcmread("seg.dcm").pixel_array)
    by_itk = np.squeeze(itk.array_from_image(itk.imread("seg.dcm", itk.UC)))
    return int(np.count_nonzero(by_pydicom != 1)), int(np.count_nonzero(by_itk == 0))


odd, even = wrong_pixels(37, 41), wrong_pixels(40, 48)
print(f"ITK {version('itk')}: 37 x 41 pixels (5 in the last byte), wrong by pydicom {odd[0]}, by ITK {odd[1]}")
print(f"40 x 48 pixels, wrong by pydicom {even[0]}, by ITK {even[1]}")
raise SystemExit(0 if odd[0] == 0 and odd[1] > 0 and even == (0, 0) else "this has changed")
PYTHON
