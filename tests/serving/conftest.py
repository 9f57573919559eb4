"""One radiograph in every format that a server takes, and what `lungxfer predict` makes of it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_radiograph import as_dicom, write
from PIL import Image
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.serving.mlflow.packaging import save_model
from monai_lungxfer.synthetic.phantoms import portable_radiograph

HEIGHT, WIDTH = 150, 118


@dataclass(frozen=True)
class Predicted:
    """Files, and by their names the masks' bytes and the table's rows."""

    folder: Path
    masks: dict[str, bytes]
    rows: dict[str, dict[str, Any]]

    def request(self, name: str) -> dict[str, str]:
        return {"image": base64.b64encode((self.folder / name).read_bytes()).decode()}


@pytest.fixture(scope="session")
def phantom() -> np.ndarray:
    """uint8 (150, 118): neither square nor alike on both sides."""
    return portable_radiograph(np.random.default_rng(5), HEIGHT, WIDTH, "pathological")[0]


@pytest.fixture(scope="session")
def predicted(tmp_path_factory: pytest.TempPathFactory, phantom: np.ndarray) -> Predicted:
    folder, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    for name in ("a.png", "b.jpg", "c.tif"):
        Image.fromarray(phantom).save(folder / name)
    save_mask(folder / "d.nii.gz", phantom, spacing=(0.5, 0.4))
    write(folder / "e.dcm", as_dicom(phantom, "MONOCHROME1"))
    write(folder / "f.dcm", as_dicom(phantom, "MONOCHROME2"))
    result = CliRunner().invoke(app, ["predict", str(folder), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["file"]: row for row in json.loads(result.stdout)["predictions"]}
    return Predicted(folder, {name: (out / row["mask"]).read_bytes() for name, row in rows.items()}, rows)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portable bundle as MLflow saves it."""
    folder = tmp_path_factory.mktemp("mlflow") / "model"
    save_model(folder, bundle_path("portable"))
    return folder
