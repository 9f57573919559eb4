#!/usr/bin/env bash
# ITK 5.4.7 (GDCM) refuses a valid DICOM SEG of one plane with two segments, each frame with its position: both frames lie
# in one place, so it takes the slice spacing to be 0. It also refuses Pixel Measures without a plane orientation, which
# PS3.3, A.51, allows beside a Derivation Image. pydicom 3.0.2 reads both. highdicom 0.28.2 has written the file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet itk==5.4.7 pydicom==3.0.2 highdicom==0.28.2 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
import copy
from importlib.metadata import version

import highdicom
import itk
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

image = Dataset()
image.file_meta = FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
image.Modality, image.PatientName, image.PatientID, image.PatientSex, image.PatientBirthDate = "DX", "P", "1", "", ""
image.AccessionNumber = image.StudyID = image.StudyDate = image.StudyTime = image.ReferringPhysicianName = ""
image.SeriesNumber = image.InstanceNumber = 1
image.PatientOrientation = ["L", "F"]
image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
image.Rows, image.Columns = 40, 48
image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
image.PixelData = bytes(2 * 40 * 48)


def segmentation(count: int) -> Dataset:
    labels = np.zeros((40, 48), np.uint8)
    labels[:, :20], labels[:, 30:] = 1, count
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=f"Lung {number}", algorithm_type="MANUAL",
            segmented_property_type=CodedConcept("39607008", "SCT", "Lung"),
            segmented_property_category=CodedConcept("123037004", "SCT", "Anatomical Structure"),
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    return highdicom.seg.Segmentation(
        source_images=[image], pixel_array=labels, segmentation_type="BINARY", segment_descriptions=descriptions,
        series_instance_uid=generate_uid(), series_number=2, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="None", manufacturer_model_name="None", software_versions="1", device_serial_number="1",
    )  # fmt: skip


def is_read(written: Dataset, *, orientation: bool, position: bool) -> bool:
    written = copy.deepcopy(written)
    (shared,) = written.get("SharedFunctionalGroupsSequence") or [Dataset()]
    measures, plane, place = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.2, 0.2], 1
    plane.ImageOrientationPatient, place.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
    shared.PixelMeasuresSequence = [measures]
    if orientation:
        shared.PlaneOrientationSequence = [plane]
    for frame in written.PerFrameFunctionalGroupsSequence if position else ():
        frame.PlanePositionSequence = [place]
    written.SharedFunctionalGroupsSequence = [shared]
    written.save_as("seg.dcm", enforce_file_format=True)
    assert pydicom.dcmread("seg.dcm").pixel_array.any()
    try:
        itk.imread("seg.dcm", itk.UC)
    except RuntimeError:
        return False
    return True


one, two = segmentation(1), segmentation(2)
found = {
    "one segment, position of its frame": is_read(one, orientation=True, position=True),
    "two segments, position of each frame": is_read(two, orientation=True, position=True),
    "Pixel Measures without orientation": is_read(one, orientation=False, position=False),
}
print(f"ITK {version('itk')} reads:", found)
raise SystemExit(0 if list(found.values()) == [True, False, False] else "this has changed")
PYTHON
