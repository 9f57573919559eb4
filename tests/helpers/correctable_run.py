"""A folder of radiographs and what a prediction has left of them, for a review."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from dicom_radiograph import as_dicom, save_dicom_seg, write
from PIL import Image

from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction, save_tables
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.serving.review.corrections import Corrections
from monai_lungxfer.serving.review.results import ReviewedResults

IDENTITY = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32)
HEIGHT, WIDTH = 120, 150
NAMES = ("ward/a.png", "b.dcm", "c.png")
"""A picture; a DICOM file whose rows run to the patient's right; one that was skipped."""


def network_mask(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Two lungs, the one on the left side larger, and an island below."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 6 : (5 * height) // 6, width // 8 : (3 * width) // 8] = 1
    mask[height // 6 : (4 * height) // 6, (5 * width) // 8 : (7 * width) // 8] = 1
    mask[(11 * height) // 12 : (11 * height) // 12 + 3, width // 2 : width // 2 + 4] = 1
    return mask


def grey_picture(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Dark lungs in a bright body, brighter to the left."""
    body = np.linspace(220, 120, width)[None] * np.ones((height, 1))
    return np.where(network_mask(height, width) > 0, 40, body).astype(np.uint8)


def write_run(
    folder: Path, *, height: int = HEIGHT, width: int = WIDTH, suffix: str = ".png", dicom_seg: bool = False
) -> tuple[Path, Path]:
    """Write `results` and `images` below a folder, and return both; the suffix is that of the first mask."""
    results, images = folder / "results", folder / "images"
    (images / "ward").mkdir(parents=True)
    mask = network_mask(height, width)
    Image.fromarray(grey_picture(height, width)).save(images / NAMES[0])
    write(images / NAMES[1], as_dicom(grey_picture(height, width), "MONOCHROME2", PatientOrientation=["R", "F"]))
    Image.fromarray(grey_picture(height, width)).save(images / NAMES[2])
    save_mask(results / f"ward/a_mask{suffix}", mask)
    if dicom_seg:
        save_dicom_seg(results / "b_mask.dcm", images / NAMES[1], mask, IDENTITY, sides=True)
    else:
        save_mask(results / "b_mask.png", mask)
    rows = [
        Prediction(NAMES[0], mask=f"ward/a_mask{suffix}", width=width, height=height),
        Prediction(NAMES[1], mask="b_mask.dcm" if dicom_seg else "b_mask.png", width=width, height=height),
        Prediction(NAMES[2], status="skipped", reason="is damaged"),
    ]
    save_tables(rows, IDENTITY, results)
    return results, images


def open_run(folder: Path, reviewer: str | None = None, **options: bool | int | str) -> Corrections:
    """Write a run, and open it for correction."""
    results, images = write_run(folder, **options)  # type: ignore[arg-type]
    return Corrections(ReviewedResults(read_results(results), images), reviewer)
