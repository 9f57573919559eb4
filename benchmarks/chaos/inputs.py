"""What the commands are given: phantoms, weights, an archive, a small study, all drawn and made once."""

from __future__ import annotations

import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import yaml
from PIL import Image
from pydicom.uid import generate_uid

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "formats"))
from dicom_writing import write as write_dicom

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights import pretrained

FEATURES = 4  # of the trained networks' first level, so that an epoch takes a moment

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID")
_STAGE = {
    "max_epochs": 3,
    "image_size": 32,
    "batch_size": 4,
    "learning_rate": 0.01,
    "settings": {"network_def#init_features": FEATURES},
}
_PLAN = {
    "data": "in",
    "out": "study",
    "donor": "in/donor.pt",
    "repetitions": 1,
    "arms": ["paper"],
    "threads": 1,
    "precision": "float32",
    "stages": {"general": _STAGE, "portable": _STAGE},
}


def write_inputs(folder: Path) -> None:
    """Write all inputs. Call it in a process of its own: it computes, and a process that has threads is not forked."""
    torch.set_num_threads(1)
    write_phantoms(folder / "phantoms", donor=2, general=14, portable=24, size=96)
    _write_networks(folder)
    _write_radiographs(folder)
    (folder / "plan.yaml").write_text(yaml.safe_dump(_PLAN), encoding="utf-8")
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        for path in sorted((folder / "phantoms" / "portable").rglob("*.*")):
            archive.write(path, Path("master", path.relative_to(folder)))
        archive.writestr("master/noise.bin", np.random.default_rng(0).bytes(1_000_000))


def _write_networks(folder: Path) -> None:
    for seed, name, features in ((1, "donor.pt", FEATURES), (2, "other.pt", FEATURES), (3, "published.pt", 32)):
        torch.manual_seed(seed)
        torch.save(DonorUNet(init_features=features).state_dict(), folder / name)


def _write_radiographs(folder: Path) -> None:
    """Write radiographs of one patient each, as pictures and as DICOM, with one more that cannot be read."""
    pictures = sorted((folder / "phantoms" / "portable" / "images").iterdir())[:8]
    for kind in ("images", "dicom"):
        (folder / kind).mkdir()
    for number, picture in enumerate(pictures):
        shutil.copy(picture, folder / "images")
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("L").resize((80, 96)))
        uids = {name: generate_uid(entropy_srcs=[name, str(number)]) for name in _UIDS}
        path = folder / "dicom" / f"{number}.dcm"
        write_dicom(path, pixels, PatientID=f"patient-{number}", PixelSpacing=[0.2, 0.2], **uids)


def publish(folder: Path) -> None:
    """Let `lungxfer weights fetch donor` take the drawn network for the published one, in all processes to come."""
    known = pretrained.PRETRAINED
    donor = replace(known["donor"], sha256=hash_file(folder / "published.pt"))
    pretrained.PRETRAINED = MappingProxyType({**known, "donor": donor})
