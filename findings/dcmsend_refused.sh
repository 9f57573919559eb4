#!/usr/bin/env bash
# dcmsend of DCMTK 3.6.7 ends with exit code 0 when the receiver refuses every file; storescu ends with another one. The
# receiver is pynetdicom 3.0.4, which answers 0xA700 (out of resources). Needs Debian's dcmtk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dcmsend --version | grep -q "v3.6.7"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pynetdicom==3.0.4 pydicom==3.0.2
cd "$folder"
env/bin/python - << 'PYTHON'
import subprocess

import pydicom
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt

COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"

image = pydicom.Dataset()
image.file_meta = pydicom.dataset.FileMetaDataset()
image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
image.SOPClassUID, image.SOPInstanceUID, image.Modality = COMPUTED_RADIOGRAPHY, generate_uid(), "CR"
image.StudyInstanceUID, image.SeriesInstanceUID, image.PatientID = generate_uid(), generate_uid(), "1"
image.save_as("image.dcm", enforce_file_format=True)
receiver = AE("REFUSES")
receiver.add_supported_context(COMPUTED_RADIOGRAPHY)
server = receiver.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: 0xA700)])
address = ["127.0.0.1", str(server.server_address[1])]
codes = {
    tool: subprocess.run([tool, "-aec", "REFUSES", *address, "image.dcm"], capture_output=True).returncode
    for tool in ("dcmsend", "storescu")
}
server.shutdown()
print(codes)
assert codes["dcmsend"] == 0
assert codes["storescu"] != 0
PYTHON
