"""DICOM Segmentations, which name the radiograph that they are of by its SOP Instance UID."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from monai_lungxfer.data.public.annotations.marks import DrawnImage, Mark
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.utils.errors import InputFileError, LungXferError


def read_identity(file: Path) -> tuple[str, bool] | None:
    """Return a DICOM file's SOP Instance UID, and whether it is a segmentation; ``None`` for what is no DICOM file."""
    tags = ["SOPInstanceUID", "SOPClassUID"]
    try:
        header = read_dataset(file, stop_before_pixels=True, specific_tags=tags)
        return str(header.SOPInstanceUID), header.SOPClassUID == SegmentationStorage
    except (AttributeError, LungXferError):
        return None


def read_dicom_seg(file: Path) -> list[DrawnImage]:
    """Read a segmentation: for each radiograph that it refers to, what was marked there.

    Raises
    ------
    InputFileError
        When it cannot be read, or does not say which radiograph a frame is of.
    """
    try:
        dataset = read_dataset(file, stop_before_pixels=True)
        labels = {int(one.SegmentNumber): str(one.SegmentLabel) for one in dataset.SegmentSequence}
        named = [
            str(one.ReferencedSOPInstanceUID)
            for series in dataset.get("ReferencedSeriesSequence", [])
            for one in series.ReferencedInstanceSequence
        ]
        frames: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        shared = dataset.SharedFunctionalGroupsSequence[0]
        for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            holder = groups if "SegmentIdentificationSequence" in groups else shared  # there with one segment alone
            segment = int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
            frames[_source(groups, named)][segment].append(number)
        if dataset.SegmentationType != "BINARY":
            raise ValueError("it holds probabilities")
        size = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise InputFileError(
            f"is no DICOM SEG of radiographs ({error})", source=file, remedy="Export the segmentation again"
        ) from error
    return [
        DrawnImage(
            file,
            (),
            tuple(Mark(labels[segment], region=partial(_paint, file, places)) for segment, places in marks.items()),
            size,
            uid,
        )
        for uid, marks in frames.items()
    ]


def _source(groups: Dataset, named: list[str]) -> str:
    for derivation in groups.get("DerivationImageSequence", []):
        for source in derivation.get("SourceImageSequence", []):
            return str(source.ReferencedSOPInstanceUID)
    if len(set(named)) != 1:  # with one radiograph alone, a frame need not name it
        raise ValueError("a frame does not name its radiograph")
    return named[0]


def _paint(file: Path, places: list[int], height: int, width: int) -> NDArray[np.bool_]:
    try:
        with quiet():
            frames = read_dataset(file).pixel_array
    except Exception as error:
        raise ValueError(f"its pixels cannot be read, {type(error).__name__}") from error
    painted: NDArray[np.bool_] = np.any(frames.reshape(-1, *frames.shape[-2:])[places], axis=0)
    if painted.shape != (height, width):
        raise ValueError(f"it has {painted.shape[0]} × {painted.shape[1]} pixels, its image {height} × {width}")
    return painted
