"""What a run of all stages shows of images that have the same name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from study_folder import network_weights

from monai_lungxfer.data.datalist import save_datalist
from monai_lungxfer.data.records import Record, image_name
from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.synthetic.phantoms import portable_radiograph
from monai_lungxfer.training.stage import StageFolder, TransferResult
from monai_lungxfer.training.transfer_report import write_showcase

SETTINGS = {"image_size": [64, 64], "network_def#init_features": 4, "precision": "float32"}


def write_archive(archive: Path, patients: int) -> list[Record]:
    """One image a patient, each of its own height, all called the same."""
    records: list[Record] = []
    for number in range(patients):
        image = archive / f"p{number}" / "cxr.png"
        image.parent.mkdir(parents=True)
        pixels, _ = portable_radiograph(np.random.default_rng(number), 96 + number, 96, "normal")
        Image.fromarray(pixels).save(image)
        records.append({"image": str(image), "label": str(image), "patient": f"p{number}"})
    return records


def test_images_of_the_same_name_are_shown_each(tmp_path: Path) -> None:
    data = tmp_path / "data" / "portable"
    save_datalist(write_archive(tmp_path / "archive", 8), data / "datalist.json")
    folders = {name: StageFolder(tmp_path / "out" / name) for name in ("general", "portable")}
    for number, folder in enumerate(folders.values()):
        folder.weights.parent.mkdir(parents=True)
        folder.weights.write_bytes(network_weights(number))
    split = ensure_split(data, folders["portable"].split, seed=0, hold_out=0.5)
    rows = [
        {"image": image_name(record["image"], data), "DICE": 0.9, "distances_in": "pixels"}
        for record in split.independent
    ]
    numbers = {name: {"mean": 0.9, "std": 0.1, "n": len(rows)} for name in METRICS}
    report = {"all": numbers, "by_finding": {}, "rows": rows, "split": split.hash}
    write_showcase(TransferResult(folders, report, report), tmp_path / "data", tmp_path / "out", SETTINGS)
    masks = list((tmp_path / "out" / "masks").rglob("*_mask.png"))
    heights = sorted(Image.open(record["image"]).height for record in split.independent)
    assert sorted(Image.open(mask).height for mask in masks) == heights
    assert len(list((tmp_path / "out" / "overlays").rglob("*.png"))) == len(heights) == 4
