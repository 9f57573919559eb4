"""How far readers agree: the drawn mask against that of a second reader, or of several, combined by STAPLE.

No network can be expected to agree with a reader better than another reader does. So this is the ceiling of its Dice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.metrics.border import boundary_iou
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.extras import import_extra

Mask = NDArray[np.bool_]

CEILING_OF = MappingProxyType({"DICE_READERS": "DICE_HARD", "BIOU_READERS": "BIOU"})
"""The metric of a network whose ceiling each is."""

_ENDINGS = ("", "_mask")


def mask_dice(mask: Mask, truth: Mask) -> float:
    """Return the Dice coefficient of two masks, bool (H, W); 1 when both are empty."""
    total = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(mask & truth) / total if total else 1.0


_CEILINGS: Mapping[str, Callable[[Mask, Mask], float]] = MappingProxyType(
    {"DICE_READERS": mask_dice, "BIOU_READERS": boundary_iou}
)


def combine_masks(masks: Sequence[Mask]) -> Mask:
    """Return the mask that several readers probably mean, by STAPLE (Warfield et al., *IEEE TMI* 23, 2004; SimpleITK).

    STAPLE weighs each reader by how well it agrees with the others. A pixel is lung from a probability of 0.5 on. Only
    the box around all masks counts: a reader's specificity is of the background, and with much of it around, the same
    masks would give another result.

    Raises
    ------
    LungXferError
        When SimpleITK is not installed.
    """
    if all(np.array_equal(mask, masks[0]) for mask in masks):
        return masks[0]
    sitk = import_extra("SimpleITK")
    drawn = np.any(masks, axis=0)
    (box,) = find_objects(drawn.astype(np.uint8))
    images = [sitk.GetImageFromArray(mask[box].astype(np.uint8)) for mask in masks]
    combined: Mask = np.zeros_like(drawn)
    combined[box] = sitk.GetArrayFromImage(sitk.STAPLE(images, 1.0)) >= 0.5
    return combined


class ReaderMasks:
    """The masks of other readers for the images of a data set.

    Parameters
    ----------
    folders : sequence of str or pathlib.Path
        One for each reader. A mask has the name of the image or of its label, or that of the image and ``_mask``; the
        suffix may differ. An image that lacks a mask of any reader is left out.
    records : sequence of mappings
        Of the datalist.
    names : sequence of str
        The metrics that are measured; only their ceilings are computed.

    Raises
    ------
    InputFileError
        When there is no such folder, two masks in it have the same name, or none is of any image.
    """

    def __init__(
        self, folders: Sequence[str | Path], records: Sequence[Mapping[str, Any]], names: Sequence[str]
    ) -> None:
        self.names = tuple(name for name, metric in CEILING_OF.items() if metric in names)
        self.readers = len(folders)
        found = [_list_masks(Path(folder)) for folder in folders]
        for folder, masks in zip(folders, found, strict=True):
            if not any(_find_mask(masks, record) for record in records):
                raise InputFileError(
                    "no mask is of an image that is measured",
                    source=folder,
                    remedy="Name each mask like its image or its label",
                )
        self._masks = found

    def measure(self, record: Mapping[str, Any]) -> dict[str, float]:
        """Compare the label of a record with the other readers' masks, at native size; NaN where one is missing.

        Raises
        ------
        InputFileError
            When a mask cannot be read, or has another size than the label.
        """
        paths = [path for masks in self._masks if (path := _find_mask(masks, record)) is not None]
        if len(paths) < self.readers:
            return dict.fromkeys(self.names, math.nan)
        truth = read_mask(record["label"]).astype(bool)
        masks = [_read_sized(path, truth.shape) for path in paths]
        combined = masks[0] if len(masks) == 1 else combine_masks(masks)
        return {name: _CEILINGS[name](combined, truth) for name in self.names}


def describe_agreement(rows: Sequence[Mapping[str, Any]], readers: int) -> dict[str, float | int | None]:
    """Return the mean Dice of the network and of the readers, over the images that both have.

    The keys are ``readers`` (folders), ``images``, ``network``, ``ceiling`` and ``difference``, network less readers.
    """
    pairs = np.array([(row.get("DICE_HARD"), row.get("DICE_READERS")) for row in rows], float).reshape(-1, 2)
    pairs = pairs[~np.isnan(pairs).any(axis=1)]
    counts: dict[str, float | int | None] = {"readers": readers, "images": len(pairs)}
    if not len(pairs):
        return counts | dict.fromkeys(("network", "ceiling", "difference"))
    network, ceiling = map(float, pairs.mean(axis=0))
    return counts | {"network": network, "ceiling": ceiling, "difference": network - ceiling}


def _list_masks(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputFileError("there is no such folder", source=folder, remedy="Give the folder of a reader's masks")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        stem = _stem(path)
        if stem in found:
            raise InputFileError(
                f"two masks are named {stem}", source=folder, remedy="Keep one of them, or put them into two folders"
            )
        found[stem] = path
    return found


def _find_mask(masks: Mapping[str, Path], record: Mapping[str, Any]) -> Path | None:
    stems = [_stem(Path(record[key])) for key in ("label", "image") if key in record]
    wanted = (stem + ending for stem in stems for ending in _ENDINGS)
    return next((masks[name] for name in wanted if name in masks), None)


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return name[: len(name) - len(Path(name).suffix)]


def _read_sized(path: Path, shape: tuple[int, ...]) -> Mask:
    mask = read_mask(path).astype(bool)
    if mask.shape != shape:
        raise InputFileError(
            f"the mask has {mask.shape[1]} x {mask.shape[0]} pixels, and the label {shape[1]} x {shape[0]}",
            source=path,
            remedy="Draw it in the image's own size",
        )
    return mask
