"""Small valid files of every kind that is read, for the fuzzing of the reader to start from."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image
from png_writing import png16
from raster_writing import mha, nrrd
from tiff_writing import tiff_of

from monai_lungxfer.synthetic.chest import chest_radiograph

__all__ = ["FORMATS", "seeds"]

_HEIGHT, _WIDTH = 33, 40


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Return files of a format; of DICOM every case of the tests that can be written here."""
    return tuple(FORMATS[name]())


def _phantom() -> np.ndarray:
    return chest_radiograph(np.random.default_rng(0), 2 * _HEIGHT, 2 * _WIDTH, "normal")[0][::2, ::2].copy()


def _colours() -> np.ndarray:
    grey = _phantom()
    return np.stack([grey, grey // 2, 255 - grey], axis=-1)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    with io.BytesIO() as buffer:
        image.save(buffer, kind, **options)
        return buffer.getvalue()


def _modes(*modes: str) -> Iterator[Image.Image]:
    for mode in modes:
        if mode.startswith("I;16"):
            yield Image.fromarray((_phantom() * 257.0).astype(">u2" if mode.endswith("B") else "<u2"))
        elif mode == "LA":
            yield Image.merge("LA", [Image.fromarray(_phantom())] * 2)
        else:
            yield Image.fromarray(_colours()).convert(mode)


def _png() -> Iterator[bytes]:
    for image in _modes("1", "L", "I;16", "LA", "P", "RGB", "RGBA"):
        yield _saved(image, "PNG")
    yield _saved(Image.fromarray(_phantom()), "PNG", exif=_turned(), icc_profile=b"profile", dpi=(72, 72))
    yield png16(_colours().astype(np.uint16) * 257, 2)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _jpeg() -> Iterator[bytes]:
    for image in _modes("L", "RGB", "CMYK"):
        yield _saved(image, "JPEG", quality=90)
        yield _saved(image, "JPEG", progressive=True, restart_marker_blocks=4)
    yield _saved(Image.fromarray(_colours()), "JPEG", subsampling=2, exif=_turned(), comment=b"text")


def _tiff() -> Iterator[bytes]:
    for image in _modes("1", "L", "I;16", "I;16B", "F", "P", "RGB", "RGBA", "CMYK", "LAB"):
        yield _saved(image, "TIFF")
    for compression in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        yield _saved(Image.fromarray(_colours()), "TIFF", compression=compression)
    yield _saved(Image.fromarray(_phantom() > 99), "TIFF", compression="group4")
    yield _saved(Image.fromarray(_phantom()), "TIFF", big_tiff=True, exif=_turned())
    tile = zlib.compress(bytes(range(48)) * 64)
    places = {"t273": None, "t278": None, "t279": None, "t324": 0, "t325": len(tile)}
    yield tiff_of(_WIDTH, _HEIGHT, tile, t259=8, t322=48, t323=64, **places)
    deep = (_colours().astype("<u2") * 257).tobytes()
    yield tiff_of(_WIDTH, _HEIGHT, deep, t258=(16, 16, 16), t262=2, t277=3)


def _nifti() -> Iterator[bytes]:
    values = _phantom().T
    images: list[Any] = [nib.Nifti1Image(values.astype(kind), np.eye(4)) for kind in ("u1", "<i2", "<f4", "<f8")]
    images.append(nib.Nifti1Image(values.astype(">i2"), np.eye(4), nib.Nifti1Header(endianness=">")))
    images.append(nib.Nifti2Image(values[..., None], np.eye(4)))
    records = np.ascontiguousarray(_colours().swapaxes(0, 1)).view([("R", "u1"), ("G", "u1"), ("B", "u1")])
    images.append(nib.Nifti1Image(records[..., 0], np.eye(4)))
    scaled = nib.Nifti1Image(values, np.eye(4))
    scaled.header.set_slope_inter(2.5, -100)
    scaled.header.set_xyzt_units("mm")
    scaled.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"text"))
    for image in [*images, scaled]:
        plain = image.to_bytes()
        yield plain
        yield gzip.compress(plain, mtime=0)


def _dicom() -> Iterator[bytes]:
    from dicom_cases import CASES  # needs pydicom 3

    for case in CASES:
        if case.is_writable():
            with tempfile.TemporaryDirectory() as folder:
                yield case.write(Path(folder)).read_bytes()


def _webp() -> Iterator[bytes]:
    for image in _modes("L", "RGB", "RGBA"):
        yield _saved(image, "WEBP", lossless=True)
        yield _saved(image, "WEBP", quality=80)
    yield _saved(Image.fromarray(_colours()), "WEBP", exif=_turned(), icc_profile=b"profile")


def _gif() -> Iterator[bytes]:
    for image in _modes("1", "L", "P", "RGB"):
        yield _saved(image, "GIF", interlace=0)
        yield _saved(image, "GIF", interlace=1, comment=b"text")


def _bmp() -> Iterator[bytes]:
    for image in _modes("1", "L", "P", "RGB", "RGBA"):
        yield _saved(image, "BMP")
    pixels = np.zeros((_HEIGHT, _WIDTH), "<u2")
    pixels[:] = _phantom() // np.uint16(8) * np.uint16(0b100_0010_0001)
    fields = (40, _WIDTH, -_HEIGHT, 1, 16, 3, pixels.nbytes, 2835, 2835, 0, 0, 0x7C00, 0x3E0, 0x1F)
    head = struct.pack("<IiiHHIIiiIIIII", *fields)
    yield struct.pack("<2sIHHI", b"BM", 14 + len(head) + pixels.nbytes, 0, 0, 14 + len(head)) + head + pixels.tobytes()
    core = struct.pack("<IHHHH", 12, _WIDTH, _HEIGHT, 1, 24)
    yield struct.pack("<2sIHHI", b"BM", 26 + _colours().nbytes, 0, 0, 26) + core + _colours().tobytes()


def _jpeg2000() -> Iterator[bytes]:
    import openjpeg

    grey, deep = _phantom(), _phantom().astype(np.uint16) * 16
    for container in (0, 1):
        yield openjpeg.encode(grey, codec_format=container)
        yield openjpeg.encode(deep, codec_format=container, bits_stored=12)
        yield openjpeg.encode(_colours(), photometric_interpretation=1, codec_format=container)
    yield openjpeg.encode(grey, codec_format=1, compression_ratios=[8])
    yield _saved(Image.fromarray(_colours()), "JPEG2000", irreversible=True, tile_size=(32, 32))


def _metaimage() -> Iterator[bytes]:
    grey, place = _phantom(), {"TransformMatrix": "1 0 0 0 0 -1 0 1 0", "ElementSpacing": "0.2 0.3 1"}
    for kind in ("u1", "<i2", ">u2", "<f4", ">f8"):
        yield mha(grey.astype(kind), ElementSpacing="0.2 0.3")
        yield mha(grey.astype(kind)[None], pack=True, **place)
    yield mha(_colours(), channels=3, Comment="text")


def _nrrd() -> Iterator[bytes]:
    grey, place = _phantom(), {"space": "LPS", "space_directions": "(0.2,0,0) (0,0,0.3) (0,1,0)"}
    for kind in ("u1", "<i2", ">u2", "<f4", ">f8"):
        yield nrrd(grey.astype(kind), "# text", "key:=value", spacings="0.2 0.3", units='"mm" "mm"')
        yield nrrd(grey.astype(kind)[None], pack=True, **place)
    yield nrrd(_colours(), kinds="RGB-color domain domain")


FORMATS: dict[str, Callable[[], Iterator[bytes]]] = {
    "dicom": _dicom,
    "png": _png,
    "jpeg": _jpeg,
    "tiff": _tiff,
    "nifti": _nifti,
    "webp": _webp,
    "gif": _gif,
    "bmp": _bmp,
    "jpeg2000": _jpeg2000,
    "metaimage": _metaimage,
    "nrrd": _nrrd,
}
