"""MetaImage files with their pixels (.mha): a strict look at the header, then NumPy."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np

from monai_lungxfer.io.formats.attached import (
    DETACHED,
    TURNED,
    Raster,
    parse_integers,
    parse_numbers,
    read_header,
    read_pixels,
    refused,
)
from monai_lungxfer.io.formats.picture import Picture, valid_spacing
from monai_lungxfer.io.orientation import AS_STORED, Turn, turn_by_directions

_BEGIN = re.compile(rb"\s*(ObjectType\s*=\s*Image\b|\w+\s*=(?=.*^NDims\s*=\s*\d))", re.DOTALL | re.MULTILINE)

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",  # on every machine, by MetaIO's table
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_KEYS = frozenset(
    (
        *("ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "CompressedData"),
        *("CompressedDataSize", "TransformMatrix", "Rotation", "Orientation", "ElementSpacing", "ElementSize"),
        *("DimSize", "HeaderSize", "ElementNumberOfChannels", "ElementType", "ElementDataFile", "DistanceUnits"),
        *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
    )
)
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_LOCAL = ("LOCAL", "Local", "local")
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


def recognise(head: bytes) -> str | None:
    """Return ``"metaimage"`` when the file begins like a MetaImage header."""
    return "metaimage" if _BEGIN.match(head) else None


def decode(path: Path) -> Picture:
    """Read a picture, grey or with three channels; alpha is dropped.

    A spacing of exactly (1, 1) is what programs put where they know none, so it counts as unknown. The matrix of three
    dimensions says how the picture stands upright, if it is that of a frontal view; one of two says nothing of it.
    """
    fields, start = _fields(path)
    (dimensions,) = parse_integers(path, "NDims", fields.get("NDims", ""), 1)
    if dimensions not in (2, 3):
        raise refused(path, "it is neither of two nor of three dimensions")
    dtype = _TYPES.get(fields.get("ElementType", ""))
    if dtype is None:
        raise refused(path, "its pixels are of a type that is not read")
    raster = Raster(
        start,
        np.dtype(dtype).newbyteorder(">" if _is_big_endian(path, fields) else "<"),
        parse_integers(path, "DimSize", fields.get("DimSize", ""), dimensions),
        parse_integers(path, "ElementNumberOfChannels", fields.get("ElementNumberOfChannels", "1"), 1)[0],
        packing=_ZLIB_OR_GZIP if _is_packed(path, fields, start) else None,
    )
    steps = _steps(path, fields, dimensions)
    turn = _turn(path, fields, steps)
    pixels = read_pixels(path, raster)
    spacing = valid_spacing(abs(steps[1]), abs(steps[0])) if fields.get("DistanceUnits", "mm") in ("mm", "?") else None
    source = None if spacing in (None, (1, 1)) else "header"
    return Picture(pixels, spacing if source else None, source, turn=turn, remarks=(TURNED,) if turn else ())


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields that count, after refusing a header that says where else the pixels are, or one thing twice."""
    lines, start = read_header(path, lambda line: line.startswith("ElementDataFile"))
    fields: dict[str, str] = {}
    for line in filter(None, lines):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise refused(path, "its header has a line that is not a field")
        if name in fields:
            raise refused(path, f"its header says {name} twice")
        if name in _KEYS:  # others describe the picture, and may say anything
            fields[name] = value
    if fields.get("ElementDataFile") not in _LOCAL:
        raise refused(path, DETACHED)
    if fields.get("ObjectType", "Image") != "Image":
        raise refused(path, "it holds an object that is not a picture")
    _check_is_plain(path, fields)
    return fields, start


def _check_is_plain(path: Path, fields: dict[str, str]) -> None:
    """Refuse pixels as text, behind a gap, and in values that are still to be computed."""
    if not _boolean(path, fields, "BinaryData", default=True):
        raise refused(path, "its pixels are written as text")
    if fields.get("HeaderSize", "0") not in ("0", "-1"):
        raise refused(path, "its pixels do not follow its header")
    identity = {"ElementToIntensityFunctionSlope": 1.0, "ElementToIntensityFunctionOffset": 0.0}
    for name, neutral in identity.items():
        if name in fields and parse_numbers(path, name, fields[name].split(), 1)[0] != neutral:
            raise refused(path, f"its header has an {name}, which is not applied")


def _boolean(path: Path, fields: dict[str, str], name: str, *, default: bool) -> bool:
    value = _BOOLEANS.get(fields.get(name, str(default)).casefold())
    if value is None:
        raise refused(path, f"{name} in its header is malformed")
    return value


def _is_big_endian(path: Path, fields: dict[str, str]) -> bool:
    names = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    orders = {_boolean(path, fields, name, default=False) for name in names if name in fields}
    if len(orders) > 1:
        raise refused(path, "its header has two byte orders")
    return orders == {True}


def _is_packed(path: Path, fields: dict[str, str], start: int) -> bool:
    is_packed = _boolean(path, fields, "CompressedData", default=False)
    if is_packed and "CompressedDataSize" in fields:
        (declared,) = parse_integers(path, "CompressedDataSize", fields["CompressedDataSize"], 1)
        if declared != path.stat().st_size - start:
            raise refused(path, "its compressed pixels are not of the length that its header declares")
    return is_packed


def _steps(path: Path, fields: dict[str, str], dimensions: int) -> tuple[float, ...]:
    """Return the distances along the axes, the columns' first; MetaIO takes the elements' size where none are given."""
    name = next((name for name in ("ElementSpacing", "ElementSize") if name in fields), None)
    return (1.0,) * dimensions if name is None else parse_numbers(path, name, fields[name].split(), dimensions)


def _turn(path: Path, fields: dict[str, str], steps: tuple[float, ...]) -> Turn:
    named = [name for name in _MATRICES if name in fields]
    if len(named) > 1:
        raise refused(path, "its header has two matrices")
    if not named:
        return AS_STORED
    count = len(steps)
    matrix = np.array(parse_numbers(path, named[0], fields[named[0]].split(), count**2)).reshape(count, count)
    # Rows of the matrix are the directions of the axes, to the patient's left, back and head.
    first, second = (matrix[axis] * np.sign(steps[axis]) for axis in (0, 1))
    return turn_by_directions(first, second) or AS_STORED if count == 3 else AS_STORED
