"""The lungs of one radiograph: mask and probability, measured, flagged and written as a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from monai_lungxfer.inference.expected_dice import DiceEstimate
from monai_lungxfer.inference.image_traits import ImageTraits
from monai_lungxfer.inference.mask_doubt import MaskDoubt
from monai_lungxfer.inference.measurements import Measurements, measure
from monai_lungxfer.inference.quality import FLAGS, IMAGE_FLAGS, find_flags
from monai_lungxfer.io.mask_writer import MASK_SUFFIXES, save_mask
from monai_lungxfer.io.orientation import AS_STORED, Turn
from monai_lungxfer.morphology.lungs import LungShape
from monai_lungxfer.utils.errors import InputFileError, OutputError
from monai_lungxfer.utils.file_stamp import FileStamp

SEG_SUFFIX = ".dcm"
"""Suffix of DICOM Segmentations."""


HASH_DIGITS = 12
"""Digits of a SHA-256 that name weights and refiners to people."""


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made a result.

    Attributes
    ----------
    bundle : str
        Name of the bundle's folder.
    version : str
        Version of the bundle, from its metadata.json.
    weights_sha256 : str
        SHA-256 of the weights file.
    overrides : tuple of str
        Settings of the bundle that were replaced, as ``id=value``; of a border refiner, also the bundle's own, the
        first digits of its SHA-256.
    base_sha256 : str or None
        SHA-256 of the base's file, where the weights are an adapter.
    """

    bundle: str
    version: str
    weights_sha256: str
    overrides: tuple[str, ...] = ()
    base_sha256: str | None = None

    def __str__(self) -> str:
        """Return all on one line, with the first 12 digits of the weights' SHA-256."""
        base = () if self.base_sha256 is None else (f"on {self.base_sha256[:HASH_DIGITS]}",)
        return " ".join((self.bundle, self.version, self.weights_sha256[:HASH_DIGITS], *base, *self.overrides))

    @property
    def marks(self) -> tuple[str, ...]:
        """What a result of the model follows from: hashes of the weights, as ``name=value``, and overrides."""
        base = () if self.base_sha256 is None else (f"base_sha256={self.base_sha256}",)
        return (f"weights_sha256={self.weights_sha256}", *base, *self.overrides)


@dataclass(frozen=True)
class PreparedRadiograph:
    """What is kept of a radiograph after it was read: small, however large the radiograph was.

    The image is what `monai_lungxfer.inference.engines.engine.Engine` makes of it. The picture is that of
    `monai_lungxfer.inference.overlay.thumbnail`, only where an overlay is wanted. All that has no comment is as in
    `monai_lungxfer.io.radiograph.Radiograph`.
    """

    image: Any  # of the engine
    size: tuple[int, int]  # native (H, W) in pixels
    traits: ImageTraits  # for the flags
    format: str
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    header: Dataset | None = field(default=None, repr=False)  # which names the patient
    source: Path | None = field(default=None, repr=False)
    picture: NDArray[np.uint8] | None = None
    turn: Turn = AS_STORED
    remarks: tuple[str, ...] = ()
    stamp: FileStamp | None = None  # of the file, from before it was opened

    def check_unchanged(self) -> None:
        """Refuse, by an InputFileError, to go on when the file is no longer the one that was read.

        A file that is gone passes, and so does what was not read from a file.
        """
        if self.stamp is not None and self.source is not None:
            self.stamp.check(self.source)

    def dicom_source(self) -> Dataset:
        """Return the header that results in DICOM refer to; InputFileError is raised when there is none."""
        if self.header is None:
            raise InputFileError(
                f"is {_described(self.format)}, and a DICOM SEG refers to a DICOM image",
                source=self.source,
                remedy="Write PNG or NIfTI, in lungxfer predict by --format png or --format nifti",
            )
        return self.header


@dataclass(frozen=True)
class Segmentation:
    """The lungs of one radiograph. For research only: this is not a medical device.

    Attributes
    ----------
    mask : numpy.ndarray
        uint8 (H, W) of {0, 1} at the radiograph's native size; 1 is lung.
    probability : numpy.ndarray
        float32 (H, W), the probability of lung that `raw` is thresholded from.
    raw : numpy.ndarray
        The mask as the network drew it, before the bundle's cleaning.
    radiograph : PreparedRadiograph
        What the mask is of.
    model : ModelIdentity
        What made it.
    doubt : MaskDoubt or None
        What speaks for and against the mask.
    expected : DiceEstimate or None
        What this makes of the mask, where that is known for the model.
    shape : LungShape or None
        What cleaning has found out of the mask, which spares finding it out again.
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32]
    raw: NDArray[np.uint8]
    radiograph: PreparedRadiograph
    model: ModelIdentity
    doubt: MaskDoubt | None = None
    expected: DiceEstimate | None = None
    shape: LungShape | None = field(default=None, repr=False)

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Distance between (rows, columns) in mm, ``None`` where the file does not say."""
        return self.radiograph.spacing

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the reading, in sentences that quote nothing of the file."""
        return self.radiograph.remarks

    @cached_property
    def measurements(self) -> Measurements:
        """All that is measured of the mask, as it lies when the patient stands upright."""
        turn = self.radiograph.turn
        mask, raw = turn.apply(self.mask), turn.apply(self.raw)
        shape = None if turn else self.shape
        measured = measure(mask, turn.apply(self.probability), self.spacing, raw, shape=shape)
        return replace(measured, **asdict(self.expected)) if self.expected and measured.lung_px else measured

    @property
    def areas(self) -> dict[str, float | None]:
        """Areas of both lungs and of each by their names in all tables: `lung_px`, `lung_cm2`, `right_lung_px`, ….

        Those in cm² are ``None`` without a pixel spacing, those of one lung unless the mask has exactly two.
        """
        return self.measurements.areas

    @property
    def dice(self) -> dict[str, float | None]:
        """The expected Dice coefficient and its interval by their names in all tables, ``None`` where it is unknown."""
        return {name: getattr(self.measurements, name) for name in ("dice_expected", "dice_low", "dice_high")}

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """What a person should look at, see `monai_lungxfer.inference.quality.FLAGS`; empty when nothing is unusual."""
        return find_flags(self.measurements, self.radiograph.traits)

    def refuse_flagged(self) -> None:
        """Refuse, by an InputFileError, an image with a flag of `monai_lungxfer.inference.quality.IMAGE_FLAGS`.

        A grey scale that was turned round counts as mended.
        """
        mended = {"inverted_grey"} if self.radiograph.traits.is_turned_round else set()
        reasons = [f"{FLAGS[flag]} ({flag})" for flag in self.flags if flag in IMAGE_FLAGS - mended]
        if reasons:
            raise InputFileError(
                f"refused, since strict was asked for: {'; '.join(reasons)}",
                source=self.radiograph.source,
                remedy="Look at the image, and segment it without strict if it is right",
            )

    def save(self, path: str | Path, *, overwrite: bool = False, sides: bool = False) -> None:
        """Write the mask in the format that the suffix of `path` stands for; the file is whole or not there.

        Parameters
        ----------
        path : str or pathlib.Path
            ``.png``, ``.nii.gz`` or ``.nii``, see `monai_lungxfer.io.mask_writer.save_mask`; ``.dcm`` is a DICOM
            Segmentation, see `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`, of a DICOM radiograph.
            Suffixes may be in capitals; ``~`` is the user's folder.
        overwrite : bool
            Whether a file that is there is replaced.
        sides : bool
            Whether a DICOM Segmentation has a segment for each lung.

        Raises
        ------
        ValueError
            When the suffix is another one.
        InputFileError
            When a DICOM Segmentation is wanted of another file, or the radiograph's header does not allow one; when
            the radiograph's file was replaced since it was read.
        OutputError
            When the file is there already, is the radiograph itself, or cannot be written.
        """
        path = Path(path).expanduser()
        known = (*MASK_SUFFIXES.values(), ".nii", SEG_SUFFIX)
        if not path.name.lower().endswith(known):
            raise ValueError(f"{path.name} ends with none of {', '.join(known)}")
        if self._is_source(path):
            raise OutputError("is the radiograph itself", source=path, remedy="Choose another name")
        if path.exists() and not overwrite:
            raise OutputError("is there already", source=path, remedy="Choose another name, or allow overwrite=True")
        self.radiograph.check_unchanged()
        if path.suffix.lower() == SEG_SUFFIX:
            self._save_dicom(path, sides)
        else:
            like = self.radiograph.source if self.radiograph.format == "nifti" else None  # others need not be there
            save_mask(path, self.mask, self.spacing, like)

    def _is_source(self, path: Path) -> bool:
        source = self.radiograph.source
        return source is not None and source.exists() and path.exists() and path.samefile(source)

    def _save_dicom(self, path: Path, sides: bool) -> None:
        from monai_lungxfer.inference.dicom.segmentation import lung_segmentation  # an extra, maybe not installed
        from monai_lungxfer.inference.dicom.source import save_dicom

        save_dicom(path, lung_segmentation(self.radiograph.dicom_source(), self.mask, self.model, sides=sides))


def _described(format_name: str) -> str:
    named = {"array": "an array", "nrrd": "an NRRD file"}
    return named.get(format_name, f"a {format_name} file")
