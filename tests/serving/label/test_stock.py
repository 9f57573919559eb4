"""Each bundle for radiographs in MONAI Label's own app `monaibundle`, unchanged and without a network."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import requests
from label_servers import LABEL_MODEL, label_server
from PIL import Image
from raster_writing import nrrd

pytestmark = pytest.mark.slow


def test_the_stock_app_serves_every_bundle_for_radiographs(label_python: Path, predicted, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    for name in ("a.png", "e.dcm"):
        shutil.copyfile(predicted.folder / name, tmp_path / "studies" / name)
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    words = ("--stock", "--bundle", "general", "--bundle", "portable")
    with label_server(tmp_path / "studies", tmp_path / "out", *words, **nowhere, no_proxy="127.0.0.1") as server:
        told = requests.get(f"{server.url}/info/", timeout=60).json()
        assert told["name"].startswith("MONAILabel - Zoo/Bundle (0.8.5)")
        assert list(told["models"]) == ["cxr_lung_segmentation", LABEL_MODEL]
        for model in told["models"].values():
            assert (model["version"], model["dimension"], list(model["labels"])) == ("0.1.0", 2, ["lungs"])
        for image, name in (("a", "a.png"), ("e", "e.dcm")):
            answer = server.infer(image, result_extension=".nii.gz", device="cpu")
            file = tmp_path / "mask.nii.gz"
            file.write_bytes(answer.content)
            stored = np.asarray(nib.load(file).dataobj)
            mask = np.asarray(Image.open(BytesIO(predicted.masks[name]))) > 0
            # The pixels are right, but not where NIfTI has columns and rows: hence this package's own app.
            assert stored.shape == (1, *mask.shape)
            assert np.array_equal(stored[0] > 0, mask)
        # What it keeps is decoded first, as in this package's own app.
        detached = nrrd(np.zeros((150, 118), np.uint8), data_file="/etc/hostname")
        for endpoint, field in (("image", "file"), ("label", "label")):
            sent = {field: ("x.png", detached)}
            answer = requests.put(f"{server.url}/datastore/{endpoint}", params={"image": "a"}, files=sent, timeout=60)
            assert (answer.status_code, "in another file" in answer.text) == (400, True)
        # And its trainer gives train.yaml no data set to split.
        for image, name in (("a", "a.png"), ("e", "e.dcm")):
            assert server.label(image, predicted.masks[name]).ok
        assert requests.post(f"{server.url}/train/{LABEL_MODEL}", json={}, timeout=60).ok
        state = server.wait_for("train")
        assert state["status"] == "ERROR"
        assert "ensure_split" in "".join(state["details"])
