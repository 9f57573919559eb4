"""Which bits of a DICOM pixel hold its value, when the header and the pixels do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    RLELossless,
)

_LINES = 256  # of the picture that are looked at, evenly spaced
_MANY = 1.0  # steps of a line, or more, jump by half the range in a picture that is read wrong
_NOISE = 0.05  # of the steps jump so where bytes are exchanged; padding alone makes fewer
_OVERLAY_BIT = (0x6000, 0x0102)  # Overlay Bit Position: of an overlay in the bits above the pixels' own
_UNSIGNED = (DigitalXRayImageStorageForPresentation, DigitalXRayImageStorageForProcessing)  # PS3.3, C.8.11.3
_SWAPPED = "its pixels are in the other byte order than its header says"
_LOOK = ", by the look of the picture: look at the mask"
_FEWER = 0.25  # of these jumps are left at the most, where another reading is the right one


def stored_values(
    values: NDArray[Any], dataset: FileDataset, remarks: list[str]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values of the pixels, and the lowest and the highest value that can be stored.

    What Bits Stored (0028,0101), High Bit (0028,0102) and Pixel Representation (0028,0103) say is taken, unless the
    picture then wraps around: where a value passes the end of its range, it jumps to the other end. If another number
    of bits, another place of them, or another sign leaves at most a quarter of such jumps, that is taken, and remarked.
    So is the other byte order where all values fit Bits Stored by it, and not by the order of the header.

    Parameters
    ----------
    values : numpy.ndarray
        (H, W) As pydicom decodes them.
    dataset : pydicom.dataset.FileDataset
        Their header.
    remarks : list of str
        Receives how the header was wrong.
    """
    if values.dtype.kind not in "iu":
        return values, np.array([values.min(), values.max()])
    values = values.astype(values.dtype.newbyteorder("="), copy=False)  # what is looked at as bytes below
    bits = int(dataset.BitsStored)
    is_raw = not dataset.file_meta.TransferSyntaxUID.is_compressed
    if is_raw and not _fits(values, bits) and _fits(values.byteswap(), bits):
        values = values.byteswap()
        remarks.append(_SWAPPED + _LOOK)
    best, best_bits, remark = _best_reading(values, dataset, bits)
    remark = f"{remark}{_LOOK}" if remark else _describe_rest(values, dataset, bits)
    remarks += [remark] if remark else []
    lowest = -(2 ** (best_bits - 1)) if best.dtype.kind == "i" else 0
    return best, np.array([lowest, lowest + 2**best_bits - 1], dtype=best.dtype)


def _best_reading(values: NDArray[Any], dataset: FileDataset, bits: int) -> tuple[NDArray[Any], int, str]:
    """Return the values as the header or the picture says, with their bits and what is wrong with the header."""
    is_signed = values.dtype.kind == "i"
    best, best_bits, remark = values if is_coded(dataset) else keep_bits(values, bits), bits, ""
    if is_coded(dataset) and not is_signed and not _fits(values, bits):  # which the codestream knows better
        best_bits = int(values.max()).bit_length()
        remark = f"its values have {best_bits} bits, not the {bits} of its Bits Stored"
    jumps = _jumps(best)
    if jumps * values.shape[1] > _MANY:
        for read, their_bits, text in _readings(values, dataset, bits, is_signed):
            left = _jumps(read)
            if left < _FEWER * jumps:
                best, best_bits, jumps, remark = read, their_bits, left / _FEWER, text
    return best, best_bits, remark


def _describe_rest(values: NDArray[Any], dataset: FileDataset, bits: int) -> str:
    """Return what else the header says of the bits that cannot be, where the picture shows no other reading."""
    if dataset.get("HighBit", bits - 1) != bits - 1:  # which PS3.5, section 8.1.1, does not allow any more
        return "its High Bit is not Bits Stored - 1, and was taken to be so: look at the mask"
    is_signed = values.dtype.kind == "i"
    if is_signed and dataset.get("SOPClassUID") in _UNSIGNED:
        return "its pixels are called signed, which those of a DX image are not: look at the mask"
    if not is_signed and not is_coded(dataset) and not _fits(values, bits) and _OVERLAY_BIT not in dataset:
        return "its pixels have bits above its Bits Stored, which were left out: look at the mask"
    return ""


def is_coded(dataset: FileDataset) -> bool:
    """Tell whether the pixel data is a codestream that knows its number of bits: of all compressed ones but RLE."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return syntax.is_compressed and syntax != RLELossless


def keep_bits(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Keep the lowest bits: old files have overlays in the bits above them. The highest that is kept is the sign."""
    unused = 8 * values.dtype.itemsize - bits
    if unused <= 0:
        return values
    return np.right_shift(np.left_shift(values, unused), unused)


def _readings(
    values: NDArray[Any], dataset: FileDataset, bits: int, is_signed: bool
) -> Iterator[tuple[NDArray[Any], int, str]]:
    """Yield other readings of the pixels with their number of bits and what is wrong with the header then."""
    allocated = 8 * values.dtype.itemsize
    unsigned, signed = values.view(f"u{values.dtype.itemsize}"), values.view(f"i{values.dtype.itemsize}")
    other = keep_bits(unsigned if is_signed else signed, bits)
    yield other, bits, f"its pixels are {'not signed, as' if is_signed else 'signed, unlike what'} its header says"
    high = int(dataset.get("HighBit", bits - 1))
    if bits <= high < allocated:
        shifted = keep_bits(np.right_shift(values, high + 1 - bits), bits)
        yield shifted, bits, f"its values are in the bits up to its High Bit, {high}"
    used = int(unsigned.max()).bit_length()
    if used > bits:
        yield unsigned, used, f"its values have {used} bits, not the {bits} of its Bits Stored"
        yield signed, allocated, f"its values have {allocated} bits with a sign, not the {bits} of its Bits Stored"
    if allocated > 8 and _jumps(values) > _NOISE and not dataset.file_meta.TransferSyntaxUID.is_compressed:
        yield keep_bits(values.byteswap(), bits), bits, _SWAPPED


def _fits(values: NDArray[Any], bits: int) -> bool:
    """Tell whether no bit above `bits` is set."""
    return int(values.view(f"u{values.dtype.itemsize}").max()).bit_length() <= bits


def _jumps(values: NDArray[Any]) -> float:
    """Return the share of steps from a pixel to its right neighbour that are longer than half the picture's range."""
    lines = values[:: max(1, len(values) // _LINES)].astype(np.int64)
    if np.ptp(lines) == 0:
        return 1.0  # so that any other reading that shows something is better
    return float(np.mean(np.abs(np.diff(lines, axis=1)) > np.ptp(lines) / 2))
