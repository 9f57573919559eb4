#!/usr/bin/env bash
# dcm2niix 1.0.20250506 stores a radiograph (DX) with its rows from the bottom to the top, and leaves the codes of both
# matrices 0. nibabel 5.4.2 and SimpleITK 2.5.2 then say different directions of the rows for the same file: with nibabel the
# second axis points one way, with ITK the other, so no reader can find out by the matrix alone where the top is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet dcm2niix==1.0.20250506 nibabel==5.4.2 SimpleITK==2.5.2 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
import glob
import subprocess
from importlib.metadata import version

import nibabel
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

top_bright = np.zeros((64, 48), np.uint16)
top_bright[:8] = 1000
header = pydicom.Dataset()
header.file_meta = FileMetaDataset()
header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
header.SOPClassUID, header.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
header.StudyInstanceUID, header.SeriesInstanceUID = generate_uid(), generate_uid()
header.Modality, header.PatientName, header.PatientID = "DX", "Phantom", "1"
header.Manufacturer, header.SeriesNumber, header.InstanceNumber = "None", 1, 1
header.PatientOrientation, header.PixelSpacing = ["L", "F"], [0.2, 0.2]
header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
header.Rows, header.Columns = top_bright.shape
header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
header.PixelData = top_bright.tobytes()
pydicom.dcmwrite("dx.dcm", header, enforce_file_format=True)

subprocess.run(["env/bin/dcm2niix", "-o", ".", "-f", "dx", "dx.dcm"], check=True, stdout=subprocess.DEVNULL)
(file,) = glob.glob("dx*.nii")
image = nibabel.load(file)
columns_by_rows = np.squeeze(np.asarray(image.dataobj))
first, last = columns_by_rows[:, 0].mean(), columns_by_rows[:, -1].mean()
codes = int(image.header["sform_code"]), int(image.header["qform_code"])
direction = SimpleITK.ReadImage(file).GetDirection()
by_nibabel, by_itk = np.sign(image.affine[1, 1]), -np.sign(direction[3] if len(direction) == 4 else direction[4])
print(f"dcm2niix {version('dcm2niix')}: first stored row {first:g}, last {last:g} (the top is 1000), codes {codes}")
print(f"second axis to the front of the patient: nibabel {by_nibabel:+g}, SimpleITK {by_itk:+g}")
as_described = last == 1000 and first == 0 and codes == (0, 0) and by_nibabel != by_itk
raise SystemExit(0 if as_described else "this has changed")
PYTHON
