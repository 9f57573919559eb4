"""From a DICOM data set's stored values to those that a viewer displays (PS3.4, Annex N.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from monai_lungxfer.data.formats.picture import row_blocks

try:
    from pydicom import pixels as processing
except ImportError:  # pydicom 2
    from pydicom.pixel_data_handlers import util as processing  # type: ignore[no-redef]

__all__ = ["can_decode", "pixels_of"]

logger = logging.getLogger(__name__)

_IS_PYDICOM_2 = not hasattr(processing, "get_decoder")

_Step = Callable[[NDArray[Any]], NDArray[Any]]


def can_decode(syntax: pydicom.uid.UID) -> bool:
    """Tell whether pydicom finds a decoder for pixel data of this transfer syntax."""
    if _IS_PYDICOM_2:
        handlers = pydicom.config.pixel_data_handlers
        return any(handler.supports_transfer_syntax(syntax) and handler.is_available() for handler in handlers)
    try:
        return processing.get_decoder(syntax).is_available
    except NotImplementedError:
        return False


def pixels_of(path: Path, dataset: FileDataset) -> NDArray[Any]:
    """Return the picture as (H, W), or (H, W, 3) for colour.

    Grey: the Modality LUT (or rescale), then the VOI LUT (or window, the first of several), then MONOCHROME1 is
    inverted within the range of its values, so that air is dark as in MONOCHROME2; float32.
    Colour: YBR and palettes become RGB; in the type that they are stored in.

    Parameters
    ----------
    path : pathlib.Path
        For messages.
    dataset : pydicom.dataset.FileDataset
        Of one frame, with its transfer syntax.
    """
    values = dataset.pixel_array
    interpretation = dataset.get("PhotometricInterpretation", "MONOCHROME2")  # read now: decoding may change it
    if interpretation == "PALETTE COLOR":
        return processing.apply_color_lut(values, dataset)[..., :3]
    if values.ndim == 3:
        if _IS_PYDICOM_2 and interpretation.startswith("YBR"):  # pydicom 3 has done so by now
            return processing.convert_color_space(values, interpretation, "RGB")
        return values[..., :3]
    stored = _significant(values, dataset)
    show = _display(path, dataset, stored)
    displayed = np.empty(stored.shape, np.float32)
    for rows in row_blocks(*stored.shape):
        displayed[rows] = show(stored[rows])
    if interpretation == "MONOCHROME1":
        np.subtract(show(_limits(stored, dataset)).sum(), displayed, out=displayed)
    return displayed


def _significant(values: NDArray[Any], dataset: FileDataset) -> NDArray[Any]:
    """Keep the Bits Stored of every value: old files have overlays in the bits above them."""
    unused = 8 * values.dtype.itemsize - int(dataset.BitsStored) if values.dtype.kind in "iu" else 0
    if unused <= 0 or dataset.file_meta.TransferSyntaxUID.is_compressed:
        return values
    return np.right_shift(np.left_shift(values, unused), unused)  # which also extends the sign


def _limits(stored: NDArray[Any], dataset: FileDataset) -> NDArray[Any]:
    """Return the lowest and the highest value that could be stored."""
    if stored.dtype.kind == "f":
        return np.array([stored.min(), stored.max()])
    bits = int(dataset.BitsStored)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if stored.dtype.kind == "i" else (0, 2**bits - 1)
    return np.array([low, high], dtype=stored.dtype)


def _display(path: Path, dataset: FileDataset, stored: NDArray[Any]) -> _Step:
    """Return the function from stored to displayed values, without the VOI step where that is of no use."""

    def rescaled(values: NDArray[Any]) -> NDArray[Any]:
        return processing.apply_modality_lut(values, dataset)

    def windowed(values: NDArray[Any]) -> NDArray[Any]:
        return processing.apply_voi_lut(rescaled(values), dataset)

    extremes = np.array([stored.min(), stored.max()])
    try:
        low, high = windowed(extremes)
    except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError):
        logger.warning("%s: its window or VOI LUT is malformed and was left out", path)
        return rescaled
    if low == high and extremes[0] != extremes[1]:
        logger.warning("%s: its window or VOI LUT leaves nothing to see and was left out", path)
        return rescaled
    return windowed
