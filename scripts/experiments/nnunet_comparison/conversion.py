"""From our splits to nnU-Net's raw data: grey PNG files, `dataset.json`, and fold 0."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.records import Record
from monai_lungxfer.data.splits import Split
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.files import atomic_path

__all__ = ["DATASET", "Cases", "choose_cases", "grey_levels", "write_json", "write_raw"]

DATASET = "Dataset001_Lungs"
_EIGHT_BITS, _SIXTEEN_BITS = 255, 65535


@dataclass(frozen=True)
class Cases:
    """The images of a comparison by the names that nnU-Net knows them by, in the splits' order.

    Attributes
    ----------
    training, validation : dict of str to Record
        Fold 0: the sections of all splits.
    curve : dict of str to Record
        The first split's validation section, which Dice against wall time is measured on.
    measured : dict of str to Record
        The first split's section of the final measurement.
    """

    training: dict[str, Record]
    validation: dict[str, Record]
    curve: dict[str, Record]
    measured: dict[str, Record]


def choose_cases(splits: Sequence[Split], section: str) -> Cases:
    """Share the images of several splits out.

    Parameters
    ----------
    splits : sequence of Split
        The first is the one that is measured; the others' training and validation sections are added to its own.
    section : {"test", "independent"}
        What is measured.

    Raises
    ------
    DatalistError
        When a section is empty, when an image has no mask, or when nnU-Net would learn from a patient that it is
        measured or validated on.
    """
    numbered = list(enumerate(splits))
    cases = Cases(
        training={name: record for n, split in numbered for name, record in _named(split, "training", n)},
        validation={name: record for n, split in numbered for name, record in _named(split, "validation", n)},
        curve=dict(_named(splits[0], "validation", 0)),
        measured=dict(_named(splits[0], section, 0)),
    )
    _check_patients(cases)
    return cases


def write_raw(cases: Cases, folder: Path) -> None:
    """Write nnU-Net's raw data; pictures that are there are kept, so that a stopped conversion goes on.

    Parameters
    ----------
    cases : Cases
        What to write.
    folder : pathlib.Path
        Receives `nnUNet_raw`, `nnUNet_preprocessed` with fold 0 only, and `curve_images`.

    Raises
    ------
    InputFileError
        When an image or a mask cannot be read.
    OutputError
        When a file cannot be written.
    """
    raw = folder / "nnUNet_raw" / DATASET
    fold = cases.training | cases.validation
    _write_pictures(fold, raw / "imagesTr", raw / "labelsTr")
    _write_pictures(cases.measured, raw / "imagesTs")
    _write_pictures(cases.curve, folder / "curve_images")
    description = {
        "channel_names": {"0": "radiograph"},  # any name but CT: each image is normalised by itself
        "labels": {"background": 0, "lung": 1},
        "numTraining": len(fold),
        "file_ending": ".png",
        "overwrite_image_reader_writer": "NaturalImage2DIO",
    }
    write_json(raw / "dataset.json", description)
    splits = [{"train": list(cases.training), "val": list(cases.validation)}]
    write_json(folder / "nnUNet_preprocessed" / DATASET / "splits_final.json", splits)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, all or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def grey_levels(pixels: NDArray[np.float32]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return pixels as levels that PNG can hold.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W), of any range.

    Returns
    -------
    numpy.ndarray
        uint8 with the same values where they are whole and within 0..255. Else uint16, stretched from minimum to
        maximum: nnU-Net brings each image to zero mean and unit variance, so a linear change is none to it.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= _EIGHT_BITS and not np.any(pixels % 1):
        return pixels.astype(np.uint8)
    stretched = (pixels.astype(np.float64) - low) * (_SIXTEEN_BITS / (high - low or 1.0))
    return np.rint(stretched).astype(np.uint16)


def _named(split: Split, section: str, number: int) -> list[tuple[str, Record]]:
    records = split.sections[section]
    if not records:
        raise DatalistError(
            f"the {section} section is empty", source=split.root, remedy="Choose another section or another split"
        )
    for record in records:
        if "label" not in record:
            raise DatalistError("has no mask", source=record["image"], remedy="Name its mask in the datalist")
    return [(f"{section}-{number}-{index:04d}", record) for index, record in enumerate(records)]


def _check_patients(cases: Cases) -> None:
    measured = _patients(cases.measured) & _patients(cases.training | cases.validation)
    validated = _patients(cases.curve) & _patients(cases.training)
    if measured or validated:
        raise DatalistError(
            f"{len(measured)} patients of the measured section and {len(validated)} of the first split's validation "
            "are also in the images to learn from",
            remedy="Take splits that have no patient in common",
        )


def _patients(records: Mapping[str, Record]) -> set[str]:
    return {record["patient"] for record in records.values()}


def _write_pictures(cases: Mapping[str, Record], images: Path, labels: Path | None = None) -> None:
    for name, record in cases.items():
        image = images / f"{name}_0000.png"
        if not image.exists():
            _write_png(grey_levels(read_radiograph(record["image"]).pixels), image)
        if labels is not None and not (labels / f"{name}.png").exists():
            _write_png(read_mask(record["label"]), labels / f"{name}.png")


def _write_png(levels: NDArray[Any], path: Path) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(levels).save(temporary)
