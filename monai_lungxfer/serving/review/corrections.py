"""Corrected masks on disk: beside the network's, which stay as they are, with a table of what was changed."""

from __future__ import annotations

import hashlib
import shutil
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.review.corrected import (
    CORRECTED,
    CORRECTIONS_TABLE,
    read_corrected_mask,
    read_corrections,
    read_sized_mask,
)
from monai_lungxfer.inference.segmentation import SEG_SUFFIX
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.morphology.lungs import lungs_by_side
from monai_lungxfer.morphology.pieces import find_pieces
from monai_lungxfer.morphology.plausibility import find_implausibility
from monai_lungxfer.serving.review.results import CorrectableResult, ReviewedResults, count_segments
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.errors import InputFileError, LungXferError
from monai_lungxfer.utils.files import atomic_path

PREVIOUS = ".previous"
"""Folder, in that of the corrected masks, for those that they have replaced. Hidden: they are no data to train on."""

_LONGEST_NAME = 64

_COLUMNS = (
    *("file", "mask", "time", "model", "reviewer", "dice", "added_px", "removed_px"),
    *("lung_px", "right_lung_px", "left_lung_px", "input_sample"),
)


class ChangedMeanwhileError(LungXferError):
    """A mask was saved by someone else since it was opened."""


@dataclass(frozen=True)
class OpenedMask:
    """A mask as the editor shows it.

    Attributes
    ----------
    stored : numpy.ndarray
        uint8 (H, W) of {0, 1}, as its radiograph is stored.
    upright : numpy.ndarray
        The same, turned upright.
    version : str
        Differs when another mask was saved since.
    is_corrected : bool
        Whether it is a corrected one.
    """

    stored: NDArray[np.uint8]
    upright: NDArray[np.uint8]
    version: str
    is_corrected: bool


class Corrections:
    """Reads and saves corrected masks of a folder of results.

    Parameters
    ----------
    results : ReviewedResults
        What is corrected.
    reviewer : str, optional
        Who corrects; stands in the table and in DICOM Segmentations.
    """

    def __init__(self, results: ReviewedResults, reviewer: str | None = None) -> None:
        self.results = results
        self.reviewer = _checked(reviewer)
        self.folder = results.folder / CORRECTED
        self.is_closed = False
        self._saving = threading.Lock()
        self._rows = read_corrections(self.folder)

    def close(self) -> None:
        """Wait until what is being saved is on disk, and save nothing more."""
        with self._saving:
            self.is_closed = True

    def is_corrected(self, mask: str | None) -> bool:
        """Tell whether there is a corrected mask, by the name of the network's."""
        return mask is not None and (self.folder / mask).is_file()

    def read(self, result: CorrectableResult) -> NDArray[np.uint8]:
        """Return the corrected mask where there is one, else the network's: uint8 (H, W) of {0, 1}, as stored.

        InputFileError is raised when it cannot be read, or was drawn on another radiograph that had this name.
        """
        if not self.is_corrected(result.mask):
            return self._read_network(result)
        run = self.results.run
        return read_corrected_mask(run, self._rows.get(result.file, {}), run.rows[result.number])

    def open(self, result: CorrectableResult, *, network: bool = False) -> OpenedMask:
        """Return the corrected mask where there is one, else, or if asked for, the network's."""
        is_corrected, stored = self.is_corrected(result.mask), self.read(result)
        version = _version(stored, is_corrected)
        if network and is_corrected:
            stored = self._read_network(result)
        turn = self.results.describe(result).turn
        return OpenedMask(stored, np.ascontiguousarray(turn.apply(stored)), version, is_corrected)

    def save(
        self, result: CorrectableResult, upright: NDArray[np.uint8], version: str
    ) -> tuple[OpenedMask, str | None]:
        """Save a corrected mask, and return it with what is unusual about it, if anything is.

        The one that was there before is kept in the folder `PREVIOUS`.

        Parameters
        ----------
        result : CorrectableResult
            What it is the mask of.
        upright : numpy.ndarray
            uint8 (H, W) of {0, 1}, turned upright.
        version : str
            That of the mask which was opened.

        Raises
        ------
        ChangedMeanwhileError
            When another mask was saved since.
        InputFileError
            When the radiograph's file is not the one that was segmented, or allows no DICOM Segmentation.
        OutputError
            When it cannot be written.
        """
        stored = np.ascontiguousarray(self.results.describe(result).turn.undo(upright))
        network = self._read_network(result)
        path = self.folder / result.mask
        with self._saving:
            if self.is_closed:
                raise LungXferError("the review has ended", remedy="Start it again")
            if self.open(result).version != version:
                raise ChangedMeanwhileError(
                    "this mask was saved elsewhere since it was opened", remedy="Load that mask, or replace it by yours"
                )
            if path.is_file():
                with atomic_path(self.folder / PREVIOUS / result.mask) as kept:
                    shutil.copyfile(path, kept)
            rows = self._rows | {result.file: self._row(result, stored, network, upright)}
            with atomic_path(
                self.folder / CORRECTIONS_TABLE
            ) as table:  # takes its place after the mask: both are saved, or neither
                write_rows(table, _COLUMNS, (rows[name] for name in sorted(rows)))
                self._write(result, path, stored)
            self._rows = rows
        remark = find_implausibility(upright)
        return OpenedMask(stored, upright, _version(stored, True), True), remark

    def _read_network(self, result: CorrectableResult) -> NDArray[np.uint8]:
        return read_sized_mask(self.results.folder, result.mask, result.size)

    def _write(self, result: CorrectableResult, path: Path, mask: NDArray[np.uint8]) -> None:
        radiograph = self.results.describe(result)
        if path.suffix.lower() != SEG_SUFFIX:
            like = result.image if radiograph.format == "nifti" else None
            save_mask(path, mask, radiograph.spacing, like)
            return
        from monai_lungxfer.inference.dicom.corrected_segmentation import corrected_segmentation  # needs an extra
        from monai_lungxfer.inference.dicom.source import save_dicom

        if radiograph.header is None:
            raise InputFileError("a DICOM SEG refers to a DICOM image", remedy="Segment the radiographs again")
        sides = count_segments(self.results.folder / result.mask) > 1
        model, reviewer = self.results.model, self.reviewer
        segmentation = corrected_segmentation(radiograph.header, mask, model, reviewer=reviewer, sides=sides)
        save_dicom(path, segmentation)

    def _row(
        self,
        result: CorrectableResult,
        mask: NDArray[np.uint8],
        network: NDArray[np.uint8],
        upright: NDArray[np.uint8],
    ) -> dict[str, Any]:
        pieces = find_pieces(upright.view(np.bool_))
        sides = lungs_by_side(pieces)
        right, left = (None, None) if sides is None else (int(pieces.areas[label - 1]) for label in sides)
        area, common = int(np.count_nonzero(mask)), int(np.count_nonzero(mask & network))
        both = area + int(np.count_nonzero(network))
        values = (
            *(result.file, result.mask),
            *(datetime.now(UTC).isoformat(timespec="seconds"), str(self.results.model), self.reviewer),
            *(round(2 * common / both, 6) if both else 1.0, area - common, both - area - common),
            *(area, right, left, self.results.run.samples.get(result.file)),
        )
        return dict(zip(_COLUMNS, values, strict=True))


def _checked(reviewer: str | None) -> str | None:
    name = (reviewer or "").strip()
    if len(name) > _LONGEST_NAME or "\\" in name or not name.isprintable():  # what a DICOM name may not be
        raise LungXferError(
            "the reviewer's name cannot be kept", remedy=f"Give one of at most {_LONGEST_NAME} plain characters"
        )
    return name or None


def _version(stored: NDArray[np.uint8], is_corrected: bool) -> str:
    return hashlib.sha256(bytes([is_corrected]) + stored.tobytes()).hexdigest()[:32]
