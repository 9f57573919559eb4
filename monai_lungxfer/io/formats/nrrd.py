"""NRRD files with their pixels (.nrrd): a strict look at the header, then NumPy."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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

_BEGIN = re.compile(rb"NRRD000[1-5]\r?\n")
_PAIR = re.compile(r"[^:]*:=")  # of key and value
_VECTOR = re.compile(r"\(([^()]*)\)|none")

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_DTYPES = {name: dtype for dtype, names in _TYPES.items() for name in names}
_PACKINGS = {"raw": None, "gzip": zlib.MAX_WBITS | 16, "gz": zlib.MAX_WBITS | 16}
_ORDERS: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
_DOMAIN = ("domain", "space", "none", "???")
_COLOURS = (
    *("list", "vector", "scalar", "stub", "2-vector", "3-vector", "4-vector"),
    *("3-color", "rgb-color", "4-color", "rgba-color"),
)
_SPACES = {  # the signs that lead to the patient's left, back and head
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_MM = {"": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}
_ELSEWHERE = re.compile(r"data ?file\s*:", re.IGNORECASE)  # which a list of files may follow, up to the end
_SKIPS = ("line skip", "lineskip", "byte skip", "byteskip")


def recognise(head: bytes) -> str | None:
    """Return ``"nrrd"`` when the file begins like an NRRD header."""
    return "nrrd" if _BEGIN.match(head) else None


def decode(path: Path) -> Picture:
    """Read a picture, grey or with three channels; alpha is dropped.

    A spacing of exactly (1, 1) is what programs put where they know none, so it counts as unknown. Directions in the
    patient's space say how the picture stands upright, if they are those of a frontal view.
    """
    fields, start = _fields(path)
    (dimensions,) = parse_integers(path, "dimension", fields.get("dimension", ""), 1)
    if not 2 <= dimensions <= 4:
        raise refused(path, "it is not of two to four dimensions")
    sizes = parse_integers(path, "sizes", fields.get("sizes", ""), dimensions)
    channel_axis = _channel_axis(path, fields, dimensions)
    domain = [axis for axis in range(dimensions) if axis != channel_axis]
    raster = Raster(
        start,
        _dtype(path, fields),
        tuple(sizes[axis] for axis in domain),
        1 if channel_axis is None else sizes[channel_axis],
        channel_axis or 0,
        _packing(path, fields),
    )
    steps, turn = _place(path, fields, dimensions, domain)
    pixels = read_pixels(path, raster)
    spacing = None if steps is None else valid_spacing(steps[1], steps[0])
    source = None if spacing in (None, (1, 1)) else "header"
    return Picture(pixels, spacing if source else None, source, turn=turn, remarks=(TURNED,) if turn else ())


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the fields, after refusing a header that says where else the pixels are, or one thing twice."""
    lines, start = read_header(path, lambda line: not line or _ELSEWHERE.match(line) is not None)
    if lines[-1]:
        raise refused(path, DETACHED)
    fields: dict[str, str] = {}
    for line in lines[1:-1]:
        if line.startswith("#") or _PAIR.match(line):  # comments and pairs may say anything
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise refused(path, "its header has a line that is not a field")
        if name.casefold() in fields:
            raise refused(path, "its header says one thing twice")
        fields[name.casefold()] = value
    if any(fields.get(name, "0") != "0" for name in _SKIPS):
        raise refused(path, "its pixels do not follow its header")
    return fields, start


def _dtype(path: Path, fields: dict[str, str]) -> np.dtype:
    dtype = _DTYPES.get(" ".join(fields.get("type", "").casefold().split()))
    if dtype is None:
        raise refused(path, "its pixels are of a type that is not read")
    order = _ORDERS.get(fields.get("endian", "").casefold())
    if order is None and np.dtype(dtype).itemsize > 1:
        raise refused(path, "its header does not say the byte order")
    return np.dtype(dtype).newbyteorder(order or "=")


def _packing(path: Path, fields: dict[str, str]) -> int | None:
    encoding = fields.get("encoding", "").casefold()
    if encoding not in _PACKINGS:
        raise refused(path, "its pixels are in an encoding that is not read")
    return _PACKINGS[encoding]


def _channel_axis(path: Path, fields: dict[str, str], dimensions: int) -> int | None:
    """Return which axis holds the numbers of a pixel; without kinds, all axes are of space."""
    kinds = fields.get("kinds", "domain " * dimensions).casefold().split()
    if len(kinds) != dimensions:
        raise refused(path, "kinds in its header is malformed")
    others = [axis for axis, kind in enumerate(kinds) if kind not in _DOMAIN]
    if len(others) > 1 or any(kinds[axis] not in _COLOURS for axis in others):
        raise refused(path, "its pixels are neither grey nor in colour")
    return others[0] if others else None


def _place(
    path: Path, fields: dict[str, str], dimensions: int, domain: list[int]
) -> tuple[tuple[float, float] | None, Turn]:
    """Return the distances along the columns' and the rows' axis in mm, ``None`` where unknown, and the turn."""
    space = fields.get("space", "").casefold()
    if "space directions" in fields:
        vectors = _vectors(path, fields["space directions"], dimensions, domain)
        scale = _scale(fields.get("space units", ""))
        first, second = vectors[:2]
        turn = turn_by_directions(first * _SPACES[space], second * _SPACES[space]) if space in _SPACES else None
        lengths = [float(np.linalg.norm(vector)) for vector in (first, second)]
        return (None if scale is None else (lengths[0] * scale, lengths[1] * scale)), turn or AS_STORED
    words = fields.get("spacings", "nan " * dimensions).split()
    if len(words) != dimensions:
        raise refused(path, "spacings in its header is malformed")
    if any(words[axis].casefold() == "nan" for axis in domain[:2]):
        return None, AS_STORED
    steps = parse_numbers(path, "spacings", [words[axis] for axis in domain[:2]], 2)
    scale = _scale(fields.get("units", ""))
    return (None if scale is None else (abs(steps[0]) * scale, abs(steps[1]) * scale)), AS_STORED


def _vectors(path: Path, text: str, dimensions: int, domain: list[int]) -> list[NDArray[np.float64]]:
    """Return the vectors of the axes of space, all of which have as many numbers as the space has dimensions."""
    found = list(_VECTOR.finditer(text))
    if len(found) != dimensions or _VECTOR.sub("", text).strip():
        raise refused(path, "space directions in its header is malformed")
    words = [(found[axis][1] or "").split(",") for axis in domain]
    count = len(words[0])
    if count not in (2, 3):
        raise refused(path, "space directions in its header is malformed")
    return [np.array(parse_numbers(path, "space directions", [word.strip() for word in each], count)) for each in words]


def _scale(units: str) -> float | None:
    """Return how many mm the unit of all axes is; that of a file which names none is mm."""
    named = {unit.strip() for unit in re.findall(r'"([^"]*)"', units)} - {""}
    return _MM.get(named.pop() if named else "") if len(named) < 2 else None
