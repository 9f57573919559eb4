"""What a DICOM header should say of its pixels but does not: the standard's default, or the only value that fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import FileDataset

from monai_lungxfer.io.formats.codestream import Codestream
from monai_lungxfer.io.formats.dicom_lut import MALFORMED
from monai_lungxfer.utils.errors import InputFileError

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")

_Supplier = Callable[[FileDataset, Codestream | None], "int | str | None"]


def complete_header(path: Path, dataset: FileDataset, stream: Codestream | None, remarks: list[str]) -> None:
    """Set what is missing, empty or impossible among the attributes that say how the pixels are stored.

    The codestream of compressed pixels is believed first. Rows and columns have no other source. Bits Allocated
    follows from the length of the pixel data, Bits Stored from High Bit or else from Bits Allocated. A pixel is
    unsigned, of one sample, and MONOCHROME2, unless another attribute speaks against that. The remarks name what was
    set.

    Raises
    ------
    InputFileError
        When there is no value that must be right. It names the attribute by its keyword.
    """
    for keyword, (is_possible, supply) in _ATTRIBUTES.items():
        if not _applies(dataset, keyword):
            continue
        value = _value(dataset, keyword)
        if value is not None and is_possible(dataset, value):
            if dataset.get(keyword) != value:  # written in another VR, or in small letters
                setattr(dataset, keyword, value)
            continue
        supplied = supply(dataset, stream)
        if supplied is None or not is_possible(dataset, supplied):
            raise InputFileError(
                f"its header gives no usable {keyword}", source=path, remedy="Export it again with this attribute"
            )
        setattr(dataset, keyword, supplied)
        remarks.append(f"its header gives no usable {keyword}, and {supplied} was taken: look at the mask")


def _applies(dataset: FileDataset, keyword: str) -> bool:
    if keyword == "PlanarConfiguration":
        return dataset.SamplesPerPixel > 1
    return "PixelData" in dataset or keyword not in ("BitsStored", "HighBit", "PixelRepresentation")  # else floats


def _value(dataset: FileDataset, keyword: str) -> int | str | None:
    """Return a number, or a text in capitals; ``None`` where there is none."""
    try:
        given = dataset.get(keyword)
        return str(given or "").strip().upper() or None if keyword == "PhotometricInterpretation" else int(given)
    except MALFORMED:
        return None


def _is_size(_: FileDataset, value: int | str) -> bool:
    return isinstance(value, int) and value > 0


def _pixels(dataset: FileDataset) -> int:
    return int(dataset.Rows) * int(dataset.Columns)


def _samples(dataset: FileDataset, stream: Codestream | None) -> int:
    if stream is not None and stream.components is not None:
        return stream.components
    interpretation = _value(dataset, "PhotometricInterpretation")
    if interpretation is None:
        return 3 if len(dataset.get("PixelData") or b"") // _pixels(dataset) in (3, 6) else 1
    return 3 if interpretation in _COLOURS else 1


def _interpretation(dataset: FileDataset, stream: Codestream | None) -> str:
    if dataset.SamplesPerPixel == 1:
        return "MONOCHROME2"
    return "YBR_FULL" if stream is not None and stream.syntax in _COLOUR_JPEG else "RGB"


def _bits_allocated(dataset: FileDataset, stream: Codestream | None) -> int | None:
    if stream is not None and stream.bits is not None:
        return 8 if stream.bits <= 8 else 16
    for keyword, width in {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.items():
        if keyword in dataset:
            return width
    if stream is None:
        values = _pixels(dataset) * int(dataset.SamplesPerPixel)
        length = len(dataset.PixelData)
        return next((8 * size for size in (1, 2, 4) if size * values <= length <= size * values + 1), None)
    stored = _value(dataset, "BitsStored")
    return None if not isinstance(stored, int) else 8 if stored <= 8 else 16


def _bits_stored(dataset: FileDataset, stream: Codestream | None) -> int:
    allocated = int(dataset.BitsAllocated)
    if stream is not None and stream.bits is not None:
        return min(stream.bits, allocated)
    high = _value(dataset, "HighBit")
    return high + 1 if isinstance(high, int) and 0 < high < allocated else allocated


_ATTRIBUTES: dict[str, tuple[Callable[[FileDataset, int | str], bool], _Supplier]] = {
    "Rows": (_is_size, lambda _, stream: stream.rows if stream else None),
    "Columns": (_is_size, lambda _, stream: stream.columns if stream else None),
    "SamplesPerPixel": (_is_size, _samples),
    "PhotometricInterpretation": (
        lambda dataset, value: value in (_GREY if dataset.SamplesPerPixel == 1 else _COLOURS),
        _interpretation,
    ),
    "PlanarConfiguration": (lambda _, value: value in (0, 1), lambda *_: 0),
    "BitsAllocated": (lambda _, value: value in (1, 8, 16, 32, 64), _bits_allocated),
    "BitsStored": (lambda dataset, value: 0 < int(value) <= int(dataset.BitsAllocated), _bits_stored),
    "HighBit": (lambda dataset, value: 0 <= int(value) < int(dataset.BitsAllocated), lambda d, _: d.BitsStored - 1),
    "PixelRepresentation": (lambda _, value: value in (0, 1), lambda _, stream: int(bool(stream and stream.is_signed))),
}
"""What is possible, and what is taken instead, in the order in which they depend on each other."""
