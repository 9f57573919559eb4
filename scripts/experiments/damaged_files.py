"""Real radiographs as files of every format that is read, and the faults that such files get on disks and lines."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
from alter_radiographs import dicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

__all__ = ["FORMATS", "IN_BYTES", "IN_PICTURE", "SUFFIXES", "Grey", "Random"]

Grey = NDArray[np.uint8]  # (H, W)
Random = np.random.Generator


def _pillow(kind: str, *, deep: bool = False, **options: Any) -> Callable[[Grey], bytes]:
    def write(picture: Grey) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(picture.astype(np.uint16) * 257 if deep else picture).save(buffer, kind, **options)
        return buffer.getvalue()

    return write


def _dicom(syntax: str | None = None) -> Callable[[Grey], bytes]:
    def write(picture: Grey) -> bytes:
        image = dicom(picture / 255.0)
        if syntax == JPEGBaseline8Bit:
            image = dicom(picture / 255.0, 8)
            image.BitsAllocated = 8
            image.PixelData = encapsulate([_pillow("JPEG", quality=92)(picture)])
            image["PixelData"].VR = "OB"
            image.file_meta.TransferSyntaxUID = syntax
        elif syntax is not None:
            image.compress(syntax)
        buffer = io.BytesIO()
        image.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    return write


def _nifti(picture: Grey) -> bytes:
    return nib.Nifti1Image(picture.T.astype(np.int16), np.diag([0.2, 0.2, 1, 1])).to_bytes()


def _nrrd(picture: Grey) -> bytes:
    height, width = picture.shape
    head = f"NRRD0004\ntype: uint16\ndimension: 2\nsizes: {width} {height}\nendian: little\nencoding: raw\n\n"
    return head.encode() + (picture.astype("<u2") * 16).tobytes()


def _metaimage(picture: Grey) -> bytes:
    height, width = picture.shape
    head = (
        f"ObjectType = Image\nNDims = 2\nDimSize = {width} {height}\nElementType = MET_USHORT\n"
        "ElementByteOrderMSB = False\nElementDataFile = LOCAL\n"
    )
    return head.encode() + (picture.astype("<u2") * 16).tobytes()


FORMATS: dict[str, Callable[[Grey], bytes]] = {
    "DICOM": _dicom(),
    "DICOM, RLE": _dicom(RLELossless),
    "DICOM, JPEG": _dicom(JPEGBaseline8Bit),
    "DICOM, JPEG-LS": _dicom(JPEGLSLossless),
    "DICOM, JPEG 2000": _dicom(JPEG2000Lossless),
    "PNG": _pillow("PNG"),
    "PNG, 16 bits": _pillow("PNG", deep=True),
    "JPEG": _pillow("JPEG", quality=92),
    "JPEG, progressive": _pillow("JPEG", quality=92, progressive=True),
    "TIFF": _pillow("TIFF", deep=True),
    "TIFF, LZW": _pillow("TIFF", compression="tiff_lzw"),
    "TIFF, deflated": _pillow("TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": _pillow("TIFF", compression="jpeg"),
    "NIfTI": _nifti,
    "NIfTI, .nii.gz": lambda picture: gzip.compress(_nifti(picture), 1, mtime=0),
    "NRRD": _nrrd,
    "MetaImage": _metaimage,
    "BMP": _pillow("BMP"),
    "WebP": _pillow("WEBP", quality=92),
    "WebP, lossless": _pillow("WEBP", lossless=True, method=0),
    "GIF": _pillow("GIF"),
    "JPEG 2000": _pillow("JPEG2000", no_jp2=False),
}


SUFFIXES = {"NRRD": ".nrrd", "MetaImage": ".mha"}
"""Of files that ITK knows by their name alone."""


def _rows(change: Callable[[Grey, int, Grey, Random], Any]) -> Callable[[Grey, Grey, Random], Grey]:
    """Return a fault that replaces the picture from a row on, which lies between a quarter and three quarters."""

    def alter(picture: Grey, other: Grey, random: Random) -> Grey:
        row = int(random.uniform(0.25, 0.75) * len(picture))
        altered = picture.copy()
        altered[row:] = change(picture, row, other, random)
        return altered

    return alter


def _rolled(axis: int) -> Callable[[Grey, Grey, Random], Grey]:
    return lambda picture, _, random: np.roll(picture, int(random.uniform(0.1, 0.9) * picture.shape[axis]), axis)


def _shifted(picture: Grey, row: int, _: Grey, random: Random) -> Grey:
    return np.roll(picture[row:], int(random.uniform(0.05, 0.95) * picture.shape[1]), axis=1)


IN_PICTURE: dict[str, Callable[[Grey, Grey, Random], Grey]] = {
    "lower part grey": _rows(lambda _, __, ___, random: random.integers(64, 192)),
    "lower part black": _rows(lambda *_: 0),
    "lower part white": _rows(lambda *_: 255),
    "lower part noise": _rows(lambda picture, row, _, random: random.integers(0, 256, picture[row:].shape)),
    "row repeated": _rows(lambda picture, row, _, __: picture[row]),
    "lower part of another patient": _rows(lambda _, row, other, __: other[row:]),
    "lower part shifted": _rows(_shifted),
    "columns rolled": _rolled(1),
    "rows rolled": _rolled(0),
}
"""What is changed before the file is written, so that the file is valid: picture, another of the same size, random."""


def _span(data: bytes, random: Random, longest: int) -> tuple[int, int]:
    start = int(random.integers(len(data)))
    return start, min(len(data), start + int(random.integers(1, longest)))


def _flipped(data: bytes, _: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(2 ** int(random.integers(6))):
        changed[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _overwritten(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 4096)
    return data[:start] + random.bytes(end - start) + data[end:]


def _zeroed(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 16384)
    return data[:start] + bytes(end - start) + data[end:]


def _inserted(data: bytes, _: bytes, random: Random) -> bytes:
    at = int(random.integers(len(data)))
    return data[:at] + random.bytes(int(random.integers(1, 4096))) + data[at:]


def _removed(data: bytes, _: bytes, random: Random) -> bytes:
    start, end = _span(data, random, 16384)
    return data[:start] + data[end:]


def _at(data: bytes, random: Random) -> int:
    return int(random.uniform(0.05, 0.95) * len(data))


IN_BYTES: dict[str, Callable[[bytes, bytes, Random], bytes]] = {
    "bits flipped": _flipped,
    "block overwritten": _overwritten,
    "block of zeros": _zeroed,
    "bytes inserted": _inserted,
    "bytes removed": _removed,
    "cut off": lambda data, _, random: data[: _at(data, random)],
    "rest is zeros": lambda data, _, random: data[: (at := _at(data, random))] + bytes(len(data) - at),
    "rest is noise": lambda data, _, random: data[: (at := _at(data, random))] + random.bytes(len(data) - at),
    "rest of another file": lambda data, other, random: data[: (at := _at(data, random))] + other[at:],
}
"""What is changed in the bytes of a valid file: the file, that of another patient in the same format, random."""
