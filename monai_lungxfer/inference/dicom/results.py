"""All results of one radiograph as DICOM objects: what a bedside node and `lungxfer predict` deliver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.presentation_state import contour_presentation
from monai_lungxfer.inference.dicom.secondary_capture import secondary_capture_overlay
from monai_lungxfer.inference.dicom.segmentation import lung_segmentation
from monai_lungxfer.inference.dicom.structured_report import lung_report

if TYPE_CHECKING:
    from monai_lungxfer.inference.segmentation import Segmentation

KINDS = ("segmentation", "overlay", "report", "presentation")
"""DICOM SEG, secondary capture with the contour, SR (TID 1500), and presentation state (GSPS) with the contour."""


def dicom_results(
    segmentation: Segmentation, kinds: Iterable[str] = KINDS, *, sides: bool = False, revision: str = ""
) -> dict[str, Dataset]:
    """Make the results of a radiograph, which belong to its study. They are not a medical device's.

    Parameters
    ----------
    segmentation : Segmentation
        Of a DICOM radiograph. For an overlay it must have been loaded with its picture.
    kinds : iterable of str
        Some of `KINDS`.
    sides : bool
        Whether the lungs are told apart, where the mask has two: a segment and a contour for each.
    revision : str
        As in `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`.

    Returns
    -------
    dict of str to pydicom.dataset.Dataset
        By kind, in the order of `KINDS`. Equal input gives equal UIDs, for ever and on every machine that draws the
        same mask; only dates and times of creation differ.

    Raises
    ------
    ValueError
        When a kind is unknown, or the picture for an overlay is missing.
    InputFileError
        When the radiograph is no DICOM file, or of a kind that results are not made for.
    LungXferError
        When highdicom is not installed.
    """
    wanted = set(kinds)
    if unknown := wanted.difference(KINDS):
        raise ValueError(f"no kinds of results: {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    radiograph, mask, model = segmentation.radiograph, segmentation.mask, segmentation.model
    source = radiograph.dicom_source()
    made: dict[str, Dataset] = {}
    if "segmentation" in wanted:
        made["segmentation"] = lung_segmentation(source, mask, model, sides=sides, revision=revision)
    if "overlay" in wanted:
        if radiograph.picture is None:
            raise ValueError("the radiograph was loaded without its picture")
        made["overlay"] = secondary_capture_overlay(source, radiograph.picture, mask, model, revision=revision)
    if "report" in wanted:  # refers to the segmentation only where that is delivered with it
        made["report"] = lung_report(segmentation, made.get("segmentation"), revision=revision)
    if "presentation" in wanted:
        made["presentation"] = contour_presentation(source, mask, model, sides=sides, revision=revision)
    return made
