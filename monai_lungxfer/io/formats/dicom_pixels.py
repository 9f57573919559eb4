"""From a DICOM data set's stored values to those that a viewer displays (PS3.4, Annex N.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from monai_lungxfer.io.formats.dicom_bits import is_coded, keep_bits, stored_values
from monai_lungxfer.io.formats.dicom_display import choose_display
from monai_lungxfer.io.formats.dicom_lut import MALFORMED, Step
from monai_lungxfer.io.formats.dicom_polarity import attenuation, is_linear, is_reversed
from monai_lungxfer.io.formats.picture import row_blocks
from monai_lungxfer.utils.errors import InputFileError

try:
    from pydicom import pixels as processing
    from pydicom.encaps import generate_frames
except ImportError:  # pydicom 2
    from pydicom.encaps import generate_pixel_data_frame
    from pydicom.pixel_data_handlers import util as processing  # type: ignore[no-redef]

_IS_PYDICOM_2 = not hasattr(processing, "get_decoder")


def can_decode(syntax: pydicom.uid.UID) -> bool:
    """Tell whether pydicom finds a decoder for pixel data of this transfer syntax."""
    if _IS_PYDICOM_2:
        handlers = pydicom.config.pixel_data_handlers
        return any(handler.supports_transfer_syntax(syntax) and handler.is_available() for handler in handlers)
    try:
        return processing.get_decoder(syntax).is_available
    except NotImplementedError:
        return False


def split_frames(pixel_data: bytes) -> list[bytes]:
    """Return the codestreams of compressed pixel data that should be one frame, as pydicom tells them apart."""
    if _IS_PYDICOM_2:
        return list(generate_pixel_data_frame(pixel_data, 1))
    return list(generate_frames(pixel_data, number_of_frames=1))


def decode_pixels(path: Path, dataset: FileDataset, remarks: list[str]) -> NDArray[Any]:
    """Return the picture as (H, W), or (H, W, 3) for colour.

    Grey: the Modality LUT (or rescale), then the VOI LUT (or window), of several the first that leaves something to
    see; then a reversed grey scale is inverted within the range of its values, so that air is dark; then
    padding becomes as dark as the darkest pixel of the rest; float32. Overlays in planes of their own stay there.
    Colour: YBR and palettes become RGB; in the type that they are stored in.

    The data set is of one frame and has its transfer syntax. `remarks` receives what was malformed or of no use, and
    how that was dealt with.
    """
    if _IS_PYDICOM_2:
        _prefer_pylibjpeg(dataset)
    else:
        # What follows the frame is padding, however long. Which bits count is for `stored_values` to find out; but the
        # sign of a codestream's values stands in the highest of Bits Stored.
        is_signed = dataset.get("PixelRepresentation") == 1
        dataset.pixel_array_options(allow_excess_frames=False, correct_unused_bits=is_signed and is_coded(dataset))
    values = dataset.pixel_array
    interpretation = dataset.get("PhotometricInterpretation", "MONOCHROME2")  # read now: decoding may change it
    if interpretation == "PALETTE COLOR":
        if "SegmentedRedPaletteColorLookupTableData" in dataset:  # PS3.3, C.7.9.2: few bytes extend it without a bound
            raise InputFileError("its palette is in segments", source=path, remedy="Export it in grey")
        return processing.apply_color_lut(values, dataset)[..., :3]
    if values.ndim == 3:
        if _IS_PYDICOM_2 and interpretation.startswith("YBR_FULL"):  # pydicom 3, and JPEG 2000's decoder, have done so
            return processing.convert_color_space(values, interpretation, "RGB")
        return values[..., :3]
    stored, limits = stored_values(values, dataset, remarks)
    padding = _padding(stored, dataset)
    show = choose_display(dataset, stored, limits, padding, remarks)
    displayed = _apply(show, stored)
    if is_reversed(dataset, interpretation, remarks):
        ends = show(limits)
        if is_linear(dataset):
            displayed = attenuation(displayed, float(ends.max()))
        else:  # numpy 1 would compute in float32, and round otherwise than numpy 2
            np.subtract(ends.sum(), displayed, out=displayed, dtype=np.float64, casting="same_kind")
    if padding is not None:
        displayed[padding] = np.min(displayed, where=~padding, initial=np.inf)
    return displayed


def _apply(show: Step, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Return the displayed values, by a table where there are fewer values than pixels."""
    displayed = np.empty(stored.shape, np.float32)
    low, high = stored.min(), stored.max()
    if stored.dtype.kind in "iu" and int(high) - int(low) < stored.size:
        table = show(np.arange(int(low), int(high) + 1).astype(stored.dtype)).astype(np.float32)
        for rows in row_blocks(*stored.shape):
            np.take(table, stored[rows].astype(np.intp) - int(low), out=displayed[rows], mode="clip")
    else:
        for rows in row_blocks(*stored.shape):
            displayed[rows] = show(stored[rows])
    return displayed


def _prefer_pylibjpeg(dataset: FileDataset) -> None:
    """Decode grey JPEG as pydicom 3 does, where pydicom 2 prefers Pillow, whose values differ by 1 here and there."""
    handler, syntax = pydicom.config.pylibjpeg_handler, dataset.file_meta.TransferSyntaxUID
    is_grey = dataset.get("SamplesPerPixel", 1) == 1
    if is_grey and syntax.is_compressed and handler.supports_transfer_syntax(syntax) and handler.is_available():
        dataset.convert_pixel_data("pylibjpeg")


def _padding(stored: NDArray[Any], dataset: FileDataset) -> NDArray[np.bool_] | None:
    """Return where the pixels are padding (PS3.3, C.7.5.1.1.2), or ``None`` when none or all are.

    They hold Pixel Padding Value (0028,0120), or lie between that and Pixel Padding Range Limit (0028,0121).
    """
    try:
        given = [int(dataset.PixelPaddingValue)]
        if dataset.get("PixelPaddingRangeLimit") is not None:
            given.append(int(dataset.PixelPaddingRangeLimit))
    except MALFORMED:
        return None  # absent, empty or malformed
    if stored.dtype.kind not in "iu":
        return None
    # Some write them without the sign of the pixels, or with more bits than are stored.
    ends = keep_bits(np.array(given).astype(stored.dtype), int(dataset.BitsStored))
    padding = (stored >= min(ends)) & (stored <= max(ends))
    count = np.count_nonzero(padding)
    return padding if 0 < count < padding.size else None
