#!/usr/bin/env bash
# dcmqi 1.5.7 refuses the DICOM segmentation of a radiograph, with an error: it needs Plane Orientation (Patient), which a
# projection has not. One would guess that a converter of segmentations reads every valid one. SimpleITK
# 2.5.7 reads the same file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet highdicom==0.27.0 pydicom==3.0.1 numpy==2.4.6 simpleitk==2.5.7 dcmqi==1.5.7
cd "$folder"
env/bin/python - << 'PYTHON'
import subprocess
from importlib.metadata import version

import highdicom as hd
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.sr.codedict import codes
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

EMPTY = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber"


def make_radiograph() -> pydicom.Dataset:
    image = pydicom.Dataset()
    for key in (*EMPTY.split(), "ViewPosition", "PatientOrientation", "Manufacturer"):
        setattr(image, key, None)
    image.SOPClassUID, image.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality, image.InstanceNumber, image.SeriesNumber, image.BodyPartExamined = "CR", 1, 1, "CHEST"
    image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 48, 64, 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PixelData = bytes(48 * 64)
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


mask = np.zeros((48, 64), np.uint8)
mask[10:30, 5:20] = 1
lung = hd.seg.SegmentDescription(
    1, "Lung", codes.SCT.Organ, codes.SCT.Lung, hd.seg.SegmentAlgorithmTypeValues.MANUAL, None
)
binary = hd.seg.SegmentationTypeValues.BINARY
hd.seg.Segmentation([make_radiograph()], mask, binary, [lung], generate_uid(), 2, generate_uid(), 1, "m", "n", "1", "0").save_as(
    "seg.dcm"
)
answer = subprocess.run(
    ["env/bin/segimage2itkimage", "--inputDICOM", "seg.dcm", "--outputDirectory", ".", "--outputType", "nrrd"],
    capture_output=True,
    text=True,
    check=False,
)
reason = [line for line in (answer.stdout + answer.stderr).splitlines() if "Plane Orientation" in line]
by_itk = int((sitk.GetArrayFromImage(sitk.ReadImage("seg.dcm")) > 0).sum())
print(f"dcmqi {version('dcmqi')}: exit code {answer.returncode}: {reason}")
print(f"SimpleITK {version('simpleitk')}: {by_itk} pixels of {mask.sum()}")
as_described = answer.returncode != 0 and bool(reason) and by_itk == mask.sum()
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON
