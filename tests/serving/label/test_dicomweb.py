"""MONAI Label's server with the studies of a real DICOMweb server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import requests
from dicom_radiograph import as_dicom, write
from label_servers import label_server
from orthanc_server import PASSWORD, USER
from PIL import Image

pytestmark = pytest.mark.slow
SERIES = "1.2.826.0.1.3680043.8.498.77"


def test_studies_of_a_dicomweb_server(label_python: Path, orthanc, phantom, predicted, tmp_path: Path) -> None:
    url, _ = orthanc
    uid = f"{SERIES}.1"
    image = as_dicom(
        phantom, "MONOCHROME1", SeriesInstanceUID=SERIES, StudyInstanceUID=f"{SERIES}.2", SOPInstanceUID=uid
    )
    image.file_meta.MediaStorageSOPInstanceUID = uid
    lateral = as_dicom(
        phantom[:-9],
        "MONOCHROME2",
        SeriesInstanceUID=SERIES,
        StudyInstanceUID=f"{SERIES}.2",
        SOPInstanceUID=f"{SERIES}.0",
        ViewPosition="LL",
    )
    lateral.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.0"
    instances = url.replace("/dicom-web", "/instances")
    for name, each in (("d.dcm", lateral), ("e.dcm", image)):
        content = write(tmp_path / name, each).read_bytes()
        assert requests.post(instances, data=content, auth=(USER, PASSWORD), timeout=60).ok
    credentials = {"MONAI_LABEL_DICOMWEB_USERNAME": USER, "MONAI_LABEL_DICOMWEB_PASSWORD": PASSWORD}
    with label_server(url, tmp_path / "out", **credentials) as server:
        assert server.infer(SERIES).content == predicted.masks["e.dcm"]
        assert server.infer("1.2.3").status_code == 400
        told = requests.get(f"{server.url}/datastore/image/info", params={"image": SERIES}, timeout=60).json()
        assert told["StudyInstanceUID"] == f"{SERIES}.2"  # by which a viewer finds it
        assert server.label(SERIES, predicted.masks["e.dcm"]).ok
        listed = requests.get(f"{server.url}/datastore/", params={"output": "train"}, timeout=60).json()
        kept = np.asarray(Image.open(listed[0]["label"])) > 0
        assert kept.shape == phantom.shape
        assert kept.any()
        # The viewer's way to the archive leads to its DICOMweb service and nowhere else.
        assert requests.get(f"{server.url}/proxy/dicom/qido/studies", timeout=60).ok
        assert requests.get(f"{server.url}/proxy/dicom/%252e%252e/instances", timeout=60).status_code == 400
        log = server.log.read_text()
        assert PASSWORD not in log
        assert SERIES not in log
