"""nnU-Net's predictions by our metrics, on the same pixels as `lungxfer evaluate` takes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from monai.transforms import Compose, LoadImaged, Resized

from monai_lungxfer.data.records import Record
from monai_lungxfer.handlers.image_table import ImageTable
from monai_lungxfer.io.monai_readers import MaskReader
from monai_lungxfer.transforms.resize import AntialiasedResize
from monai_lungxfer.utils.errors import InputFileError

__all__ = ["IMAGE_SIZE", "measure"]

IMAGE_SIZE = (256, 256)
"""(H, W) in pixels that the bundles' `evaluate.yaml` measures at."""

_LUNG = 1


def measure(cases: Mapping[str, Record], predictions: Path, root: Path) -> ImageTable:
    """Measure predictions as `lungxfer evaluate` does.

    The masks are resized by the same transform as the bundles' (nearest-exact). nnU-Net gives probabilities at the
    image's own size; they are resized by the same transform as the bundles' images (bilinear, anti-aliased).

    Parameters
    ----------
    cases : mapping of str to Record
        The images by nnU-Net's names.
    predictions : pathlib.Path
        Folder with nnU-Net's `NAME.npz`, of which `probabilities` is (2, 1, H, W), background and lung.
    root : pathlib.Path
        The data set's folder; images are named relative to it.

    Returns
    -------
    monai_lungxfer.handlers.image_table.ImageTable
        With a row for each image.

    Raises
    ------
    InputFileError
        When a prediction is missing or damaged, or is not of the mask's size.
    """
    table = ImageTable(list(cases.values()), root)
    engine = Engine(lambda _, item: [item])
    table.attach(engine)
    engine.run(_items(cases, predictions), epoch_length=len(cases))
    return table


def _items(cases: Mapping[str, Record], predictions: Path) -> Iterator[dict[str, torch.Tensor]]:
    load = LoadImaged(keys="label", reader=MaskReader, ensure_channel_first=True)
    prepare = Compose([load, Resized(keys="label", spatial_size=IMAGE_SIZE, mode="nearest-exact")])
    resize = AntialiasedResize(IMAGE_SIZE)
    for name, record in cases.items():
        label: Any = prepare({"label": record["label"]})["label"]
        file = predictions / f"{name}.npz"
        probability = _lung_probability(file, tuple(int(side) for side in label.meta["spatial_shape"]))
        # Sums of interpolation weights may exceed 1 by a rounding error.
        yield {"pred": resize(torch.from_numpy(probability)[None]).clamp(0, 1), "label": label}


def _lung_probability(file: Path, size: tuple[int, ...]) -> np.ndarray:
    """Return the lung's probability (H, W)."""
    try:
        with np.load(file) as content:
            probabilities = content["probabilities"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputFileError(
            f"is no prediction of nnU-Net ({error})", source=file, remedy="Delete the folder to predict anew"
        ) from error
    if probabilities.shape != (2, 1, *size):
        raise InputFileError(
            f"has the shape {probabilities.shape} where {(2, 1, *size)} was expected",
            source=file,
            remedy="Delete the folder to predict anew",
        )
    return probabilities[_LUNG, 0].astype(np.float32)
