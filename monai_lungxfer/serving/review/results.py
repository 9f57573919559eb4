"""The results that a reviewer corrects: found by their rows in the table, never by a name that a client sends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monai_lungxfer.inference.review.corrected import CORRECTED, has_own_masks
from monai_lungxfer.inference.review.pictures import check_images, find_image, image_path, read_image
from monai_lungxfer.inference.review.results import RunResults
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import TABLE_NAMES
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.json_files import load_json

MOST_PIXELS = 50_000_000
"""Of a mask: what a browser draws on without delay, with room to spare."""


@dataclass(frozen=True)
class CorrectableResult:
    """One row of the table that has a mask.

    Attributes
    ----------
    number : int
        Place in predictions.json, from 0.
    file : str
        Name of the radiograph, as in the table.
    image : pathlib.Path
        The radiograph.
    mask : str
        Name of the network's mask in the folder of the results, and of a corrected one in its folder `CORRECTED`.
    size : tuple of int
        Native (H, W), as stored.
    """

    number: int
    file: str
    image: Path
    mask: str
    size: tuple[int, int]


class ReviewedResults:
    """The results of a run, and the radiographs that they are of.

    Parameters
    ----------
    run : RunResults
        From `monai_lungxfer.inference.review.results.read_results`.
    images : pathlib.Path
        The folder that the names in its table start from.

    Raises
    ------
    InputFileError
        When none of the radiographs is there, or masks of the run lie where corrected ones go.
    """

    def __init__(self, run: RunResults, images: Path) -> None:
        self.run = run
        self.folder, self.images = run.folder.absolute(), images.absolute()
        check_images(run, self.images)
        if has_own_masks(run):
            raise InputFileError(
                f"the run has masks of its own in {CORRECTED}/, where corrected masks go",
                source=self.folder,
                remedy="Give that folder of radiographs another name, and segment them again",
            )
        values = load_json(self.folder / TABLE_NAMES[1])["model"]
        self.model = ModelIdentity(**values | {"overrides": tuple(values["overrides"])})
        self._rows = run.rows
        self._known: dict[int, Radiograph] = {}
        self._reading = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, number: int) -> CorrectableResult:
        """Return a result by its number; InputFileError is raised when there is none, or it has no mask."""
        if not 0 <= number < len(self._rows):
            raise InputFileError("there is no such radiograph", remedy="Load the page again")
        row = self._rows[number]
        if not row.get("mask"):
            raise InputFileError("this radiograph was not segmented", remedy="Segment it, and start the review again")
        width, height = row["width"], row["height"]
        if width * height > MOST_PIXELS:
            raise InputFileError(
                f"the mask has {width} x {height} pixels, more than {MOST_PIXELS / 1e6:g} million",
                remedy="Correct it in another program",
            )
        return CorrectableResult(
            number,
            row["file"],
            image=image_path(self.images, row["file"]),
            mask=row["mask"],
            size=(height, width),
        )

    def read_radiograph(self, result: CorrectableResult) -> Radiograph:
        """Read a radiograph, and refuse, by an InputFileError, one that is not the file that was segmented."""
        with self._reading:  # a few large ones at once would not fit into memory
            radiograph = read_image(self.run, self.images, self._rows[result.number])
        self._known[result.number] = replace(radiograph, pixels=np.empty((0, 0), np.float32))
        return radiograph

    def describe(self, result: CorrectableResult) -> Radiograph:
        """Return a radiograph without its pixels: how it is turned, its format, spacing and header."""
        self.check_file(result)
        if result.number not in self._known:
            self.read_radiograph(result)
        return self._known[result.number]

    def check_file(self, result: CorrectableResult) -> None:
        """Refuse, by an InputFileError, a radiograph that is not there, or is not the file that was segmented."""
        find_image(self.run, self.images, result.file)


def count_segments(path: Path) -> int:
    """Return how many segments a DICOM Segmentation has."""
    return len(read_dataset(path, stop_before_pixels=True).SegmentSequence)
