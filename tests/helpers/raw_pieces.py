"""Writing the pieces of which tiny raw sets are made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 40, 56
COHEN_TITLES = (
    "patientid,offset,sex,age,finding,view,modality,date,location,folder,filename,doi,url,license,clinical_notes"
)


def write_picture(path: Path, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
    """Write noise of (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)).save(path)
    return path


def write_mask(path: Path, rows: slice, columns: slice, level: int = 255) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[rows, columns] = level
    Image.fromarray(mask).save(path)
    return path


def points(*corners: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in corners]


def box(left: float, top: float, right: float, bottom: float) -> list[dict[str, float]]:
    return points((left, top), (right, top), (right, bottom), (left, bottom))


def darwin(name: str, *annotations: dict, size: tuple[int, int] = (HEIGHT, WIDTH)) -> dict:
    image = {"original_filename": name, "filename": "1.jpg", "height": size[0], "width": size[1]}
    return {"dataset": "x", "image": image, "annotations": list(annotations)}


def write_darwin(path: Path, *args, **kwargs) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(darwin(*args, **kwargs)))
    return path


LEFT = {"name": "Lung", "polygon": {"path": box(30, 5, 50, 35)}, "bounding_box": {"x": 30, "y": 5, "w": 20, "h": 30}}
RIGHT = {"name": "Lung", "polygon": {"path": box(5, 5, 25, 35)}}
PACEMAKER = {"name": "Ignore", "polygon": {"path": box(30, 5, 40, 9)}}


def cohen_row(patient: str, finding: str, view: str, modality: str, name: str, terms: str = "CC BY") -> str:
    return (
        f'{patient},,M,,{finding},{view},{modality},2020,"Here, there",images,{name},,http://x,{terms},"Well, ""so"""'
    )
