"""The one reader of radiographs and masks, whatever the format."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.channels import Channels, check_channels, select_planes
from monai_lungxfer.io.formats import decode
from monai_lungxfer.io.formats.colour import is_coloured
from monai_lungxfer.io.formats.picture import Picture, check_finite, doubtful_spacing
from monai_lungxfer.io.orientation import AS_STORED, Turn

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

logger = logging.getLogger(__name__)

_MOST_LABELS = 8


@dataclass(frozen=True)
class Radiograph:
    """A radiograph in memory.

    Attributes
    ----------
    pixels : numpy.ndarray
        float32, C-contiguous: (H, W), or (3, H, W) for red, green and blue. The values of the file, not rescaled.
    format : str
        As `monai_lungxfer.io.formats.detect_format` tells it, or ``"array"`` without a file.
    spacing : tuple of float or None
        Distance between (rows, columns) in mm.
    spacing_source : str or None
        Where the spacing stands in the file: the keyword of a DICOM attribute, ``"pixdim"`` of NIfTI, or ``"header"``.
    is_colour : bool
        Whether the file's channels really differ.
    view : str or None
        "AP", "PA", "frontal" (one of the two), "lateral", "oblique", "decubitus" or "other" by a DICOM header, or
        ``None`` where that or another format does not say.
    header : pydicom.dataset.Dataset or None
        The header of a DICOM file, without pixel data and overlays. Where the file has no SOP Instance UID, it has one
        that the pixel data always give.
    source : pathlib.Path or None
        The file that was read.
    turn : Turn
        How the pixels, which are as stored, stand upright, by the header.
    remarks : tuple of str
        What a person should know of the reading, such as that the header was wrong. They quote nothing of the file.
    is_damaged : bool
        Whether the decoder found damage that it could read past; a remark says so, too.
    """

    pixels: NDArray[np.float32]
    format: str
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    is_colour: bool = False
    view: str | None = None
    header: Dataset | None = field(default=None, repr=False)  # which names the patient
    source: Path | None = field(default=None, repr=False)
    turn: Turn = AS_STORED
    remarks: tuple[str, ...] = ()
    is_damaged: bool = False

    @cached_property
    def levels(self) -> tuple[float, float]:
        """The lowest and the highest value of the pixels."""
        return float(self.pixels.min()), float(self.pixels.max())


def read_radiograph(
    path: str | Path, channels: Channels = "grey", *, name: str | None = None, any_view: bool = True
) -> Radiograph:
    """Read a radiograph, or a slice of another modality, from a file of any format.

    The format is found out by the content, not by the name. Air is dark. Rows and columns are as a viewer shows them;
    where the header says that the patient does not stand upright in them, `Radiograph.turn` turns the picture.

    Parameters
    ----------
    path : str or pathlib.Path
        PNG, JPEG, JPEG 2000, TIFF, WebP, GIF, BMP, NIfTI of one slice, DICOM of one frame, MetaImage, or NRRD.
    channels : {"grey", "rgb", "pre", "flair", "post"}
        "grey" gives (H, W): of three equal channels one, of different ones their luma (ITU-R BT.601).
        "rgb" gives (3, H, W): the channels in the order of the file, or grey three times.
        The others give (H, W): one of the sequences of an MRI slice, see `monai_lungxfer.io.channels.SEQUENCES`.
    name : str, optional
        What the log calls the file; by default its path, of which any part may be somebody's name.
    any_view : bool
        ``False`` refuses a DICOM file that is no frontal chest radiograph by its header, and warns where that leaves it
        open.

    Raises
    ------
    ViewError
        When a file is refused because of `any_view`.
    InputFileError
        When there is no such file; when it is no picture, or so damaged that it has no pixels; when it holds several
        pages, frames or slices, or values that are no numbers; when a side is shorter than 32 pixels, or there are over
        150 million pixels or 600 MB.
    ValueError
        When `channels` is something else.
    """
    check_channels(channels)
    path = Path(path).expanduser()
    kind, picture = decode(path, frontal_only=not any_view)
    spacing, remarks = _spacing(picture, is_dicom=kind == "dicom")
    for remark in remarks:
        logger.warning("%s: %s", path if name is None else name, remark)
    with np.errstate(over="ignore"):  # a float64 beyond the range of float32 becomes infinite, and is reported as such
        pixels = select_planes(picture.pixels, channels)
    if picture.pixels.dtype.kind == "f":
        check_finite(path, pixels)
    is_colour = picture.pixels.ndim == 3 and is_coloured(picture.pixels)
    return Radiograph(
        pixels, kind, *spacing, is_colour, picture.view, picture.header, path, picture.turn, remarks, picture.is_damaged
    )


def _spacing(
    picture: Picture, *, is_dicom: bool
) -> tuple[tuple[tuple[float, float] | None, str | None], tuple[str, ...]]:
    """Return the spacing with its source, both ``None`` where it cannot be right, and the remarks."""
    if picture.spacing is None:
        return (None, None), picture.remarks
    doubt = doubtful_spacing(picture.spacing, picture.pixels.shape[:2], is_dicom=is_dicom)
    if doubt is None:
        return (picture.spacing, picture.spacing_source), picture.remarks
    return (None, None), (*picture.remarks, f"{doubt}, so lengths and areas are not told")


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask from a file of any format.

    Of two levels, the higher is foreground, and so is everything above half of the maximum in a mask of many levels
    (JPEG's ringing, smoothed edges, probabilities). From three to eight levels are labels, such as 0, 127 and 255 for
    background, left and right lung: every one but 0 is foreground, and the log says so. A mask of zeros is a mask.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W) of {0, 1}.
    """
    return foreground(read_radiograph(path))


def foreground(radiograph: Radiograph) -> NDArray[np.uint8]:
    """Return the mask, uint8 (H, W) of {0, 1}, that a file holds; `read_mask` tells how levels are taken."""
    levels = np.unique(radiograph.pixels)
    half = levels[-1] / 2
    # JPEG turns two levels into more, but all near the first two.
    between = (levels > half / 2) & (levels < half * 3 / 2)
    if 2 < len(levels) <= _MOST_LABELS and (radiograph.format != "jpeg" or between.any()):
        shown = ", ".join(f"{level:g}" for level in levels)
        logger.warning("%s: the mask has the levels %s; all but 0 are taken as foreground", radiograph.source, shown)
        return (radiograph.pixels != 0).astype(np.uint8)
    return (radiograph.pixels > half).astype(np.uint8)
