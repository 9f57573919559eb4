"""The results of a small run of `predict`, with masks drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from drawn_lungs import certain, two_lungs
from PIL import Image

from monai_lungxfer.inference.expected_dice import DiceEstimate
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import Journal
from monai_lungxfer.inference.measurements import Measurements, measure
from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.outputs import OutputOptions, plan
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction, save_tables
from monai_lungxfer.io.mask_writer import save_mask

IDENTITY = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32)
RIGHT, LEFT = (slice(10, 90), slice(20, 60)), (slice(10, 90), slice(80, 120))
LUNGS = two_lungs(RIGHT, LEFT)
SMALL = two_lungs((slice(30, 60), slice(20, 50)), (slice(30, 60), slice(80, 110)))
BRIDGED = np.maximum(LUNGS, two_lungs((slice(45, 50), slice(60, 80)), RIGHT))
NOTHING = np.zeros_like(LUNGS)
WORST_FIRST = ["c.png", "b.png", "ward/a.png", "d.png", "e.png", "f.dcm"]


def _measured(mask: np.ndarray, raw: np.ndarray | None = None, dice: float | None = None) -> Measurements:
    measured = vars(measure(mask, certain(mask), (0.2, 0.2), raw))
    return Measurements(**measured | (vars(DiceEstimate(dice, dice - 0.05, dice + 0.02)) if dice else {}))


def write_run(folder: Path, images: Path | None = None) -> Path:
    """Write masks, tables and journal of six files, four of which were segmented, and return the output folder.

    With the folder of the images, the journal tells of those that are there.
    """
    made = {
        "ward/a.png": (LUNGS, None, 0.97, ()),
        "b.png": (LUNGS, BRIDGED, 0.85, ("bridge", "low_confidence")),
        "c.png": (NOTHING, None, None, ("empty",)),
        "d.png": (SMALL, None, None, ("area_out_of_range",)),
    }
    predictions = []
    for name, (mask, raw, dice, flags) in made.items():
        result = f"{name.removesuffix('.png')}_mask.png"
        save_mask(folder / result, mask)
        measured = _measured(mask, raw, dice)
        outline = None if raw is None else draw_outline(raw)
        sizes = {"width": mask.shape[1], "height": mask.shape[0]}
        done = Prediction(name, mask=result, measurements=measured, flags=flags, raw_outline=outline, **sizes)
        predictions.append(done)
    predictions += [
        Prediction("e.png", "skipped", reason="is no picture"),
        Prediction("f.dcm", "left out", reason="is a lateral view"),
    ]
    found = [InputFile(images / name, name) for name in made if (images / name).is_file()] if images else []
    journal = Journal(folder, IDENTITY, OutputOptions(), plan(found, OutputOptions()))
    journal.open({})
    for each in predictions:
        journal.add(each)
    journal.close()
    save_tables(predictions, IDENTITY, folder)
    return folder


def write_radiographs(folder: Path) -> Path:
    """Write pictures for the radiographs of `write_run`: of d.png one of another size, and of b.png none."""
    (folder / "ward").mkdir(parents=True)
    for name, shape in (("ward/a.png", LUNGS.shape), ("c.png", LUNGS.shape), ("d.png", (80, 80))):
        rows, columns = np.indices(shape)
        Image.fromarray((rows + columns).astype(np.uint8)).save(folder / name)
    return folder
