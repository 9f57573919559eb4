#!/usr/bin/env bash
# dicom-anonymizer 2.1.0 gives a radiograph and its DICOM SEG new UIDs, but leaves the radiograph's old one inside the SEG's
# Referenced Series Sequence and its frames. So the SEG belongs to no image any more, and the old UIDs are still told. In the
# Source Image Sequence it empties both UIDs, though they must have a value. One would guess that UIDs are replaced everywhere
# by the same new ones (PS3.15, action U). highdicom 0.28.2 has written the SEG.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet dicom-anonymizer==2.1.0 highdicom==0.28.2 pydicom==3.0.2 numpy==2.4.6
mkdir "$folder/in" "$folder/out"
cd "$folder"
env/bin/python -W ignore - << 'PYTHON'
import subprocess
from importlib.metadata import version

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

EMPTY = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber"
image = pydicom.Dataset()
for key in (*EMPTY.split(), "Laterality", "PatientOrientation"):
    setattr(image, key, None)
image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
image.Modality, image.ConversionType, image.InstanceNumber, image.SeriesNumber = "OT", "WSD", 1, 1
image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
image.PixelData = bytes(64 * 64)
image.file_meta = pydicom.dataset.FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.save_as("in/image.dcm", enforce_file_format=True)
mask = np.zeros((1, 64, 64), bool)
mask[0, 5:30, 5:20] = True
manual = hd.seg.SegmentAlgorithmTypeValues.MANUAL
lung = hd.seg.SegmentDescription(1, "Lung", codes.SCT.Organ, codes.SCT.Lung, manual)
binary = hd.seg.SegmentationTypeValues.BINARY
hd.seg.Segmentation(
    [image], mask, binary, [lung], generate_uid(), 2, generate_uid(), 1, "maker", "model", "1", "0"
).save_as("in/seg.dcm")

subprocess.run(["env/bin/dicom-anonymizer", "in", "out"], capture_output=True, check=True)
new, seg = pydicom.dcmread("out/image.dcm"), pydicom.dcmread("out/seg.dcm")
in_series = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
in_frame = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
names = {image.SOPInstanceUID: "the old UID", new.SOPInstanceUID: "the new UID", "": "empty"}
told = [names.get(uid, "another UID") for uid in (new.SOPInstanceUID, in_series, in_frame, seg.SourceImageSequence[0][0x00081155].value)]
print(f"dicom-anonymizer {version('dicom-anonymizer')}: the image has {told[0]};")
print(f"the SEG's series sequence {told[1]}, its frame {told[2]}, its Source Image Sequence {told[3]}")
as_described = told == ["the new UID", "the old UID", "the old UID", "empty"]
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON
