#!/usr/bin/env bash
# Orthanc 1.10.1 with its DICOMweb plugin 1.7 (Debian): WADO-RS "rendered" leaves out the radiograph's Window Center and Width,
# and stretches the stored values from their least to their largest. Its own /frames/0/rendered follows the window. So the
# picture of the same image differs by the address that one asks. One would guess that "rendered" is as to be displayed.
# Needs Debian's orthanc and orthanc-dicomweb.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pydicom==3.0.2 numpy==2.4.6 pillow==12.3.0 requests==2.34.2
cd "$folder"
cat > orthanc.json << 'JSON'
{"StorageDirectory": "db", "IndexDirectory": "db", "HttpPort": 18642, "DicomServerEnabled": false,
 "RemoteAccessAllowed": false, "Plugins": ["/usr/share/orthanc/plugins"], "DicomWeb": {"Enable": true}}
JSON
Orthanc orthanc.json > log.txt 2>&1 &
server=$!
env/bin/python - << 'PYTHON'
import io
import time

import numpy as np
import pydicom
import requests
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

SERVER = "http://127.0.0.1:18642"
EMPTY = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber"
image = pydicom.Dataset()
for key in (*EMPTY.split(), "Laterality", "PatientOrientation"):
    setattr(image, key, None)
image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
image.Modality, image.ConversionType, image.InstanceNumber, image.SeriesNumber = "OT", "WSD", 1, 1
image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
image.WindowCenter, image.WindowWidth = 1000, 500
image.PixelData = np.tile(np.linspace(0, 4095, 64).astype("<u2"), (64, 1)).tobytes()
image.file_meta = pydicom.dataset.FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
file = io.BytesIO()
image.save_as(file, enforce_file_format=True)
for _ in range(100):
    try:
        system = requests.get(f"{SERVER}/system", timeout=10).json()
        break
    except requests.ConnectionError:
        time.sleep(0.2)
plugin = requests.get(f"{SERVER}/plugins/dicom-web", timeout=10).json()
stored = requests.post(f"{SERVER}/instances", data=file.getvalue(), timeout=10).json()["ID"]


def row(address: str) -> list[int]:
    answer = requests.get(f"{SERVER}/{address}", headers={"Accept": "image/png"}, timeout=10)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))[0, ::16].tolist()


study = f"studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}"
by_dicomweb, own = row(f"dicom-web/{study}/rendered"), row(f"instances/{stored}/frames/0/rendered")
print(f"stored values 0 to 4095, window 750 to 1250; Orthanc {system['Version']}, DICOMweb {plugin['Version']}")
print(f"DICOMweb's rendered: {by_dicomweb}; Orthanc's own: {own}")
as_described = by_dicomweb == [0, 65, 130, 194] and own[2:] == [255, 255]
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON
