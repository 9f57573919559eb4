"""Pictures in every format but DICOM, written from known values, and what they should look like.

`test_file_cases` and `docs/generate/format_table.py` run through them; DICOM has its own, `dicom_cases`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import openjpeg
from PIL import Image
from raster_writing import mha, nrrd

__all__ = ["FILE_CASES", "FileCase"]

_ROWS, _COLUMNS = 48, 70
# Asymmetric, smooth enough for JPEG, 0 to 200; a corner tells every flip and turn apart.
GREY = np.rint(np.add.outer(1.6 * np.arange(_ROWS), 0.9 * np.arange(_COLUMNS))).astype(np.uint8)
GREY[:8, :16] = 200
COLOUR = np.stack([GREY, GREY // 2 + 40, 220 - GREY], axis=-1)
ALPHA = np.full_like(GREY, 7)
LUMA = COLOUR @ np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class FileCase:
    """A kind of file.

    Attributes
    ----------
    format, name : str
        The format, and what is special about it.
    suffix : str
        Of the file's name.
    write : callable
        Writes the file at a path.
    expected : numpy.ndarray or None
        (H, W) as `read_radiograph` should return it; ``None`` when it is to be refused.
    tolerance : float
        What lossy compression may change.
    spacing : tuple of float or None
        Of the pixels in mm.
    """

    format: str
    name: str
    suffix: str
    write: Callable[[Path], Any]
    expected: np.ndarray | None = None
    tolerance: float = 0.0
    spacing: tuple[float, float] | None = None


def _pillow(path: Path, values: np.ndarray, mode: str | None = None, **options: Any) -> None:
    image = Image.fromarray(values)
    (image if mode is None else image.convert(mode)).save(path, **options)


def _pages(path: Path) -> None:
    page, other = Image.fromarray(GREY), Image.fromarray(220 - GREY)  # equal frames would become one of an animation
    page.save(path, save_all=True, append_images=[other, page])


def _cut(path: Path, **options: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 255, GREY.shape, dtype=np.uint8)
    Image.fromarray(noise).save(path, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _png(path: Path, header: tuple[int, ...], lines: bytes) -> None:
    """Write what Pillow does not: `header` is width, height, depth, colour type, compression, filter, interlace."""
    chunks = ((b"IHDR", struct.pack(">2I5B", *header)), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def _png16(path: Path, channels: int, colour_type: int) -> None:
    values = np.stack([GREY.astype(">u2") * 257] * channels, axis=-1)
    lines = b"".join(b"\0" + row.tobytes() for row in values)
    _png(path, (_COLUMNS, _ROWS, 16, colour_type, 0, 0, 0), lines)


def _turned(path: Path, **options: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right side
    Image.fromarray(GREY).save(path, exif=exif, **options)


def _nifti(path: Path, values: np.ndarray, unit: str = "mm", scale: tuple[float, float] | None = None) -> None:
    image = nib.Nifti1Image(values, np.diag([-0.2, -0.3, 1, 1]))
    image.header.set_xyzt_units(unit)
    if scale is not None:
        image.header.set_slope_inter(*scale)
    nib.save(image, path)


def _mha(path: Path, values: np.ndarray, **options: Any) -> None:
    path.write_bytes(mha(values, **options))


def _nrrd(path: Path, values: np.ndarray, **options: Any) -> None:
    path.write_bytes(nrrd(values, **options))


def _openjpeg(path: Path, values: np.ndarray, codec_format: int = 1, **options: Any) -> None:
    path.write_bytes(openjpeg.encode(values, codec_format=codec_format, **options))


def _nan() -> np.ndarray:
    values = GREY.T.astype(np.float32)
    values[3, 5] = np.nan
    return values


U16 = GREY.astype(np.uint16) * 257
JPEG = 6  # grey values that quality 95 may change here

_PNG = [
    ("grey, 1 bit", partial(_pillow, values=GREY == 200), GREY == 200),
    ("grey, 8 bits", partial(_pillow, values=GREY), GREY),
    ("grey, 16 bits", partial(_pillow, values=U16), U16),
    ("grey with alpha", partial(_pillow, values=np.stack([GREY, ALPHA], axis=-1)), GREY),
    ("grey with alpha, 16 bits", partial(_png16, channels=2, colour_type=4), U16),
    ("grey in three equal channels", partial(_pillow, values=np.stack([GREY] * 3, axis=-1)), GREY),
    ("three equal channels, 16 bits", partial(_png16, channels=3, colour_type=2), U16),
    ("colour: its luma", partial(_pillow, values=COLOUR), LUMA),
    ("palette of greys", partial(_pillow, values=GREY, mode="P"), GREY),
    ("EXIF orientation", _turned, np.rot90(GREY, -1)),
    ("cut off", _cut, None),
    ("60000 x 60000 pixels declared", partial(_png, header=(60_000, 60_000, 8, 0, 0, 0, 0), lines=bytes(9)), None),
    ("below 32 pixels a side", partial(_pillow, values=GREY[:31]), None),
]
_JPEG = [
    ("grey", partial(_pillow, values=GREY, quality=95), GREY),
    ("progressive", partial(_pillow, values=GREY, quality=95, progressive=True), GREY),
    ("grey in three equal channels", partial(_pillow, values=np.stack([GREY] * 3, axis=-1), quality=95), GREY),
    ("colour: its luma", partial(_pillow, values=COLOUR, quality=95, subsampling=0), LUMA),
    ("EXIF orientation", partial(_turned, quality=95), np.rot90(GREY, -1)),
    ("cut off", _cut, None),
]
_TIFF = [
    ("grey, 1 bit", partial(_pillow, values=GREY == 200), GREY == 200),
    ("grey, 8 bits", partial(_pillow, values=GREY), GREY),
    ("grey, 16 bits", partial(_pillow, values=U16), U16),
    ("signed, 32 bits", partial(_pillow, values=GREY.astype(np.int32) * -70_000), GREY * -70_000.0),
    ("float", partial(_pillow, values=GREY * np.float32(0.25)), GREY * 0.25),
    ("LZW", partial(_pillow, values=GREY, compression="tiff_lzw"), GREY),
    ("deflated", partial(_pillow, values=U16, compression="tiff_adobe_deflate"), U16),
    ("PackBits", partial(_pillow, values=GREY, compression="packbits"), GREY),
    ("white is zero", partial(_pillow, values=GREY, tiffinfo={262: 0}), GREY),
    ("colour: its luma", partial(_pillow, values=COLOUR), LUMA),
    ("EXIF orientation", _turned, np.rot90(GREY, -1)),
    ("three pages", _pages, None),
    ("cut off", _cut, None),
]
_WEBP = [
    ("grey", partial(_pillow, values=GREY, lossless=True), GREY),
    ("grey, lossy", partial(_pillow, values=GREY, quality=95), GREY),
    ("colour with alpha: its luma", partial(_pillow, values=COLOUR, mode="RGBA", lossless=True), LUMA),
    ("EXIF orientation", partial(_turned, lossless=True), np.rot90(GREY, -1)),
    ("animated", _pages, None),
    ("cut off", _cut, None),
]
_GIF = [
    ("grey", partial(_pillow, values=GREY), GREY),
    ("palette of greys, interlaced", partial(_pillow, values=GREY, mode="P", interlace=1), GREY),
    ("animated", _pages, None),
    ("cut off", _cut, None),
]
_JPEG_2000 = [
    ("grey", partial(_pillow, values=GREY), GREY),
    ("grey, lossy", partial(_pillow, values=GREY, irreversible=True, quality_layers=[4]), GREY),
    ("grey in tiles", partial(_pillow, values=GREY, tile_size=(32, 32)), GREY),
    ("grey, 12 bits", partial(_openjpeg, values=GREY.astype(np.uint16) * 16, bits_stored=12), GREY * 16.0),
    ("grey, 16 bits", partial(_openjpeg, values=U16), U16),
    ("signed, 16 bits", partial(_openjpeg, values=GREY.astype(np.int16) * -100), GREY * -100.0),
    ("grey with alpha", partial(_pillow, values=np.stack([GREY, ALPHA], axis=-1)), GREY),
    ("colour: its luma", partial(_pillow, values=COLOUR), LUMA),
    ("CMYK: its luma", partial(_pillow, values=COLOUR, mode="CMYK"), LUMA),
    (
        "colour, 16 bits: its luma",
        partial(_openjpeg, values=COLOUR.astype(np.uint16) * 257, photometric_interpretation=1),
        LUMA * 257,
    ),
    ("a codestream without boxes", partial(_openjpeg, values=U16, codec_format=0), U16),
    ("cut off", _cut, None),
]
_NIFTI = [
    ("integers", partial(_nifti, values=GREY.T.astype(np.int16) * -100), GREY * -100.0, (0.3, 0.2)),
    ("floats", partial(_nifti, values=GREY.T * np.float32(0.25)), GREY * 0.25, (0.3, 0.2)),
    ("slope and intercept", partial(_nifti, values=GREY.T, scale=(2.5, -100)), GREY * 2.5 - 100, (0.3, 0.2)),
    ("one slice of three dimensions", partial(_nifti, values=GREY.T[..., None]), GREY, (0.3, 0.2)),
    ("spacing of an unknown unit", partial(_nifti, values=GREY.T, unit="unknown"), GREY, None),
    ("three slices", partial(_nifti, values=np.stack([GREY.T] * 3, axis=-1)), None, None),
    ("NaN in a pixel", partial(_nifti, values=_nan()), None, None),
]
_PLACE = {"ElementSpacing": "0.2 0.3"}
_PLACES = {"space": "left-posterior-superior", "space_directions": "(0.2,0,0) (0,0,-0.3) (0,1,0)"}
_BMP = [
    ("grey, 1 bit", partial(_pillow, values=GREY == 200), GREY == 200),
    ("grey, 8 bits", partial(_pillow, values=GREY), GREY),
    ("palette of greys", partial(_pillow, values=220 - GREY, mode="P"), 220 - GREY),
    ("colour: its luma", partial(_pillow, values=COLOUR), LUMA),
    ("cut off", _cut, None),
]
_META_IMAGE = [
    ("grey, 8 bits", partial(_mha, values=GREY, **_PLACE), GREY, (0.3, 0.2)),
    ("grey, 16 bits, big endian", partial(_mha, values=U16.astype(">u2"), **_PLACE), U16, (0.3, 0.2)),
    ("floats, compressed", partial(_mha, values=GREY * np.float32(0.25), pack=True), GREY * 0.25, None),
    ("one slice of three dimensions", partial(_mha, values=GREY[None]), GREY, None),
    ("colour: its luma", partial(_mha, values=COLOUR, channels=3), LUMA, None),
    ("three slices", partial(_mha, values=np.stack([GREY] * 3)), None, None),
    ("pixels in another file", partial(_mha, values=GREY, ElementDataFile="x.raw"), None, None),
    ("cut off", lambda path: path.write_bytes(mha(GREY)[:-9]), None, None),
]
_NRRD = [
    ("grey, 8 bits", partial(_nrrd, values=GREY, spacings="0.2 0.3"), GREY, (0.3, 0.2)),
    ("signed, 16 bits, big endian", partial(_nrrd, values=U16.astype(">i2")), U16.astype(">i2"), None),
    ("floats, compressed", partial(_nrrd, values=GREY * np.float32(0.25), pack=True), GREY * 0.25, None),
    ("one slice with its place in the patient", partial(_nrrd, values=GREY[None], **_PLACES), GREY, (0.3, 0.2)),
    ("colour: its luma", partial(_nrrd, values=COLOUR, kinds="RGB-color domain domain"), LUMA, None),
    ("three slices", partial(_nrrd, values=np.stack([GREY] * 3)), None, None),
    ("pixels in another file", partial(_nrrd, values=GREY, data_file="x.raw"), None, None),
    ("cut off", lambda path: path.write_bytes(nrrd(GREY)[:-9]), None, None),
]
_OTHERS = [
    ("NumPy array", ".npy", lambda path: np.save(path, GREY), None, None),
    ("text", ".png", lambda path: path.write_text("no picture"), None, None),
    ("empty file", ".jpg", lambda path: path.write_bytes(b""), None, None),
]

FILE_CASES = (
    *(FileCase("PNG", name, ".png", write, expected) for name, write, expected in _PNG),
    *(FileCase("JPEG", name, ".jpg", write, expected, JPEG) for name, write, expected in _JPEG),
    *(FileCase("TIFF", name, ".tif", write, expected) for name, write, expected in _TIFF),
    *(FileCase("WebP", name, ".webp", write, expected, JPEG) for name, write, expected in _WEBP),
    *(FileCase("GIF", name, ".gif", write, expected) for name, write, expected in _GIF),
    *(FileCase("JPEG 2000", name, ".jp2", write, expected, JPEG) for name, write, expected in _JPEG_2000),
    *(FileCase("NIfTI", name, ".nii.gz", write, expected, 0, spacing) for name, write, expected, spacing in _NIFTI),
    *(FileCase("BMP", name, ".bmp", write, expected) for name, write, expected in _BMP),
    *(FileCase("MetaImage", name, ".mha", write, values, 0, spacing) for name, write, values, spacing in _META_IMAGE),
    *(FileCase("NRRD", name, ".nrrd", write, values, 0, spacing) for name, write, values, spacing in _NRRD),
    *(
        FileCase("other", name, suffix, write, expected, 0, spacing)
        for name, suffix, write, expected, spacing in _OTHERS
    ),
)
