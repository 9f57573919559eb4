"""Pixels that stand behind a text header in the same file, as in MetaImage and NRRD: checked, then read by NumPy."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats.picture import check_single, check_size
from monai_lungxfer.utils.errors import InputFileError

DETACHED = "its pixels are in another file, which is not read"
"""Problem of a header that refers to its pixels; no such file is opened, since it may be any file of this machine."""

TURNED = "its header says that it is stored turned, so it is turned upright for the network"

_REMEDY = "Save it as one file with its pixels, as NIfTI or as PNG"
_LONGEST_HEADER = 1_000_000  # bytes
_MOST_CHANNELS = 4
_INTEGER = re.compile(r"\d{1,10}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Raster:
    """How pixels lie in a file, by its header.

    Attributes
    ----------
    start : int
        Where they begin, in bytes.
    dtype : numpy.dtype
        With the byte order.
    size : tuple of int
        The columns, the rows, and what follows, such as slices.
    channels : int
        Numbers a pixel.
    channel_axis : int
        Where the channels stand among the axes of `size`; 0 is fastest: each pixel's numbers lie side by side.
    packing : int or None
        Window bits of `zlib` for compressed pixels.
    """

    start: int
    dtype: np.dtype[Any]
    size: tuple[int, ...]
    channels: int = 1
    channel_axis: int = 0
    packing: int | None = None


def refused(path: Path, problem: str) -> InputFileError:
    """Return the error about a file's header."""
    return InputFileError(problem, source=path, remedy=_REMEDY)


def read_header(path: Path, is_last: Callable[[str], bool]) -> tuple[list[str], int]:
    """Return the lines of a header up to that which `is_last`, and where the pixels begin."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    lines, start = [], 0
    while (end := head.find(b"\n", start)) >= 0:
        lines.append(head[start:end].decode("latin-1").strip())
        start = end + 1
        if is_last(lines[-1]):
            return lines, start
    raise refused(path, "its header has no end")


def parse_integers(path: Path, name: str, text: str, count: int) -> tuple[int, ...]:
    """Return so many integers, none of them negative, of the field called `name`."""
    words = text.split()
    if len(words) != count or not all(_INTEGER.fullmatch(word) for word in words):
        raise refused(path, f"{name} in its header is malformed")
    return tuple(map(int, words))


def parse_numbers(path: Path, name: str, words: list[str], count: int) -> tuple[float, ...]:
    """Return so many finite numbers of the field called `name`."""
    if len(words) != count or not all(_NUMBER.fullmatch(word) for word in words):
        raise refused(path, f"{name} in its header is malformed")
    values = tuple(map(float, words))
    if not np.isfinite(values).all():
        raise refused(path, f"{name} in its header is malformed")
    return values


def read_pixels(path: Path, raster: Raster) -> NDArray[Any]:
    """Return the pixels (H, W), or (H, W, 3) where there are three channels or four, as they are stored.

    InputFileError is raised before anything is read when there is more than one slice, when the size is not one of
    those that are read, or when the pixels in the file have another length than the header says; and for compressed
    pixels when they unpack to another length, without unpacking more than that.
    """
    columns, rows = (*raster.size, 0, 0)[:2]
    check_single(path, int(np.prod(raster.size[2:], dtype=object)), raster.size[:2])
    check_size(path, rows, columns, raster.channels * raster.dtype.itemsize)
    if not 1 <= raster.channels <= _MOST_CHANNELS:
        raise refused(path, f"its pixels have {raster.channels} components")
    count = rows * columns * raster.channels
    if raster.packing is None:
        _check_length(path, path.stat().st_size - raster.start, count * raster.dtype.itemsize)
        values = np.fromfile(path, raster.dtype, count, offset=raster.start)
    else:
        values = np.frombuffer(_unpack(path, raster, count * raster.dtype.itemsize), raster.dtype)
    if raster.channels == 1:
        return values.reshape(rows, columns)
    shape = [rows, columns]
    axis = max(0, 2 - raster.channel_axis)  # slower axes of one slice count as the slowest
    shape.insert(axis, raster.channels)
    values = np.moveaxis(values.reshape(shape), axis, -1)
    return values[..., 0] if raster.channels == 2 else values[..., :3]


def _check_length(path: Path, held: int, declared: int) -> None:
    if held != declared:
        raise InputFileError(
            f"has {held} bytes of pixels, and its header declares {declared}",
            source=path,
            remedy="Copy it again from its source",
        )


def _unpack(path: Path, raster: Raster, declared: int) -> bytes:
    with path.open("rb") as file:
        file.seek(raster.start)
        packed = file.read()
    unpacker = zlib.decompressobj(raster.packing or 0)
    content = unpacker.decompress(packed, declared + 1)
    if len(content) > declared or not unpacker.eof or unpacker.unused_data:
        problem = "its pixels do not unpack to what its header declares"
        raise InputFileError(problem, source=path, remedy="Copy it again from its source")
    _check_length(path, len(content), declared)
    return content
