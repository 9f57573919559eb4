"""What an adapter finds in a raw folder: radiographs with what is known of them, and what was left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DrawnMask:
    """A mask, bool (H, W), at the size of its image.

    `ignored` are the pixels that the annotators marked as a foreign object, bool (H, W); None where nobody looked for
    any.
    """

    foreground: NDArray[np.bool_]
    ignored: NDArray[np.bool_] | None = None

    @property
    def ignore_fraction(self) -> float | None:
        """The marked share of the image's pixels, to six digits; None where nobody looked for any."""
        return None if self.ignored is None else round(float(self.ignored.mean()), 6)


Draw = Callable[[int, int], DrawnMask]
"""Draws or reads a mask for an image of so many rows and columns; raises `LungXferError` when it cannot."""


@dataclass(frozen=True)
class Item:
    """One radiograph of a raw data set.

    Attributes
    ----------
    image : pathlib.Path
        The raw file.
    name : str
        What its files are called in the prepared set, without a suffix.
    patient, source, license : str
        As in a record.
    finding, finding_text, view, device, url : str or None
        As in a record; None where the data set does not say.
    mask : Draw or None
        How its mask is made; None without one.
    mask_convention : str or None
        By which rules the masks were drawn.
    empty_mask_allowed : bool
        Whether a mask without foreground is normal.
    read : callable or None
        For files that `read_radiograph` does not know: returns uint16 (H, W), air dark.
    """

    image: Path
    name: str
    patient: str
    source: str
    license: str
    finding: str | None = None
    finding_text: str | None = None
    view: str | None = None
    device: str | None = None
    url: str | None = None
    mask: Draw | None = None
    mask_convention: str | None = None
    empty_mask_allowed: bool = False
    read: Callable[[Path], NDArray[np.uint16]] | None = None


@dataclass(frozen=True)
class Skipped:
    """A file that should have become a record, and the reason why not, in one sentence without a full stop."""

    file: Path
    reason: str


@dataclass
class Collection:
    """What an adapter makes of a raw folder: items in a fixed order, and files that should have been used, but cannot.

    `notes` say what was left out on purpose, and what is missing of the complete set.
    """

    items: list[Item] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Facts:
    """What the user says of all images of a set that does not say it itself, as in a record.

    `patient_pattern` is a regular expression that is searched in an image's name; its first group is the patient.
    `lung_labels` are the labels of annotations that are lung; by default those of
    `monai_lungxfer.data.public.annotations.marks.LUNG_LABELS`.
    """

    view: str | None = None
    license: str | None = None
    device: str | None = None
    mask_convention: str | None = None
    patient_pattern: str | None = None
    lung_labels: tuple[str, ...] = ()
