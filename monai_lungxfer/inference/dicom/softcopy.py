"""How a source image is displayed, as a presentation state has to say it again: grey scale and shape of pixels."""

from __future__ import annotations

import math

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from monai_lungxfer.inference.dicom.attributes import plain_spacing, read_items
from monai_lungxfer.io.formats.dicom_identity import read_text
from monai_lungxfer.io.formats.dicom_lut import MALFORMED
from monai_lungxfer.io.formats.dicom_polarity import is_reversed

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_PER_MM = 10_000  # the aspect ratio is of whole numbers


def copy_display(source: Dataset, state: Dataset) -> None:
    """Set the look-up tables of a grayscale presentation state to those of its source image.

    A presentation state replaces all of the image's own steps, so one that is left out is no longer applied. Taken over
    are Modality LUT or rescale, and of VOI LUTs and windows the first that is well formed; the shape of the
    presentation LUT is what makes air dark.
    """
    _copy_modality(source, state)
    if voi := _voi(source):
        state.SoftcopyVOILUTSequence = [voi]
    elif "SoftcopyVOILUTSequence" in state:
        del state.SoftcopyVOILUTSequence
    interpretation = read_text(source, "PhotometricInterpretation").upper()
    state.PresentationLUTShape = "INVERSE" if is_reversed(source, interpretation, []) else "IDENTITY"


def pixel_aspect(source: Dataset) -> list[int]:
    """Return the height and the width of a pixel in whole numbers, 1 and 1 where nothing is known."""
    row, column = plain_spacing(source) or (1.0, 1.0)
    return [1, 1] if row == column else [max(1, round(row * _PER_MM)), max(1, round(column * _PER_MM))]


def _copy_modality(source: Dataset, state: Dataset) -> None:
    tables = [table for item in read_items(source, "ModalityLUTSequence") if (table := _table(source, item))]
    if tables:
        tables[0].ModalityLUTType = read_text(source.ModalityLUTSequence[0], "ModalityLUTType") or "US"
        state.ModalityLUTSequence = tables[:1]
        return
    slope, intercept = (_number(read_text(source, f"Rescale{name}")) for name in ("Slope", "Intercept"))
    if math.isfinite(slope) or math.isfinite(intercept):
        state.RescaleSlope = slope if math.isfinite(slope) and slope else 1
        state.RescaleIntercept = intercept if math.isfinite(intercept) else 0
        state.RescaleType = "US"  # unspecified


def _voi(source: Dataset) -> Dataset | None:
    for item in read_items(source, "VOILUTSequence"):
        if table := _table(source, item):
            found = Dataset()
            found.VOILUTSequence = [table]
            return found
    centres, widths = (read_text(source, f"Window{name}").split("\\") for name in ("Center", "Width"))
    function = read_text(source, "VOILUTFunction").upper() or _FUNCTIONS[0]
    for centre, width in zip(map(_number, centres), map(_number, widths), strict=False):
        if math.isfinite(centre) and width >= (1 if function == "LINEAR" else 1e-6) and function in _FUNCTIONS:
            found = Dataset()
            found.WindowCenter, found.WindowWidth = (f"{value:.10g}" for value in (centre, width))
            found.VOILUTFunction = function
            return found
    return None


def _table(source: Dataset, item: Dataset) -> Dataset | None:
    """Return a look-up table in the byte order of results, ``None`` when it is malformed."""
    try:
        count, first, bits = (int(value) for value in item.LUTDescriptor)
        data = item["LUTData"].value
        if isinstance(data, bytes):
            order = "<" if source.file_meta.TransferSyntaxUID.is_little_endian else ">"
            words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
        else:
            words = np.array(data if isinstance(data, (list, MultiValue)) else [data], dtype=np.int64) & 0xFFFF
    except MALFORMED:
        return None
    highest = 0x7FFF if first < 0 else 0xFFFF  # of the signed or unsigned numbers that the descriptor holds
    if not 8 <= bits <= 16 or not words.size or not -0x8000 <= first <= highest or count & 0xFFFF > highest:
        return None
    table = Dataset()
    table.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count & 0xFFFF, first, bits])
    table.add_new("LUTData", "OW", words.astype("<u2").tobytes())
    return table


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
