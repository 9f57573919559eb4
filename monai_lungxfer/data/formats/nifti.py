"""NIfTI files of one slice, through nibabel."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.formats.picture import Picture, check_size, valid_spacing
from monai_lungxfer.errors import InputFileError

__all__ = ["decode", "recognise"]

GZIP_MAGIC = b"\x1f\x8b"

_CLASSES = {"n+1": nib.Nifti1Image, "n+2": nib.Nifti2Image}
_MAGIC_AT = {"n+1": 344, "n+2": 4}
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}


def recognise(head: bytes) -> str | None:
    """Return ``"nifti"`` when the (decompressed) first 348 bytes are a NIfTI-1 or NIfTI-2 header."""
    return None if _version(head) is None else "nifti"


def decode(path: Path) -> Picture:
    """Read a NIfTI file of one slice, grey or with three channels.

    The first index is the column and the second the row, as ITK writes a two-dimensional image, hence the transpose.
    The affine matrix flips nothing. The spacing is that of the header, if it says which unit it is in.

    Raises
    ------
    InputFileError
        When the file holds more than one slice, complex numbers, or a picture of a size that is not read.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if compressed else file
        version = _version(stream.read(348)) or "n+1"
        stream.seek(0)
        image = _CLASSES[version].from_stream(stream)
        if image.get_data_dtype().kind == "c":
            raise InputFileError("holds complex numbers", source=path, remedy="Save their magnitude")
        _check_shape(path, image.shape)
        values = _values(image.dataobj).reshape(*image.shape[:2], -1)
        while compressed and stream.read(1 << 20):
            pass  # gzip compares its checksum only at the very end
        values = values[..., :3] if values.shape[-1] > 1 else values[..., 0]
        pixels = np.array(values.swapaxes(0, 1), order="C")
    column, row = image.header.get_zooms()[:2]
    scale = _MM.get(image.header.get_xyzt_units()[0])
    spacing = None if scale is None else valid_spacing(row * scale, column * scale)
    return Picture(pixels, spacing, spacing and "pixdim")


def _version(head: bytes) -> str | None:
    return next((name for name, at in _MAGIC_AT.items() if head[at : at + 4] == name.encode() + b"\0"), None)


def _check_shape(path: Path, shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        raise InputFileError(f"its shape is {shape}, which is no picture", source=path, remedy="Give a radiograph")
    *between, last = shape[2:] or (1,)
    channels = last if between and last in (3, 4) else 1
    slices = math.prod(shape[2:]) // channels
    if slices != 1:
        raise InputFileError(
            f"holds {slices} slices of {shape[0]} x {shape[1]} pixels",
            source=path,
            remedy="Give one file for each radiograph; a volume is not a radiograph",
        )
    check_size(path, shape[1], shape[0])


def _values(proxy: Any) -> NDArray[Any]:
    if (proxy.slope, proxy.inter) != (1, 0):
        return np.asarray(proxy, dtype=np.float32)  # half the memory of float64, in which it would scale otherwise
    values = np.asanyarray(proxy)
    if values.dtype.names is None:
        return values
    return np.stack([values[name] for name in "RGB"], axis=-1)
