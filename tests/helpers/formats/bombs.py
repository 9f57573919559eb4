"""Small files that ask for much memory or time, and what the reader should say to each."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from dicom_elements import Element, written
from dicom_writing import compressed, write
from PIL import Image
from png_writing import header, joined
from pydicom import dcmread
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from raster_writing import mha, nrrd
from tiff_writing import tiff_of

__all__ = ["BOMBS", "codestream", "in_dicom", "jpeg", "jpeg_2000", "resized_jpeg"]

GREY = np.add.outer(2 * np.arange(40), np.arange(60)).astype(np.uint8)
_SIDE = 60_000  # 3.6 gigapixels
_MEGABYTE = 10**6


def _zeros(megabytes: int, window: int = zlib.MAX_WBITS) -> bytes:
    """Return zeros, compressed to a thousandth. The checksum, if there is one, is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    first, again = (packer.compress(bytes(_MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + (megabytes - 1) * again + packer.flush()


def jpeg(**options: Any) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(GREY).save(buffer, "JPEG", **options)
        return buffer.getvalue()


def resized_jpeg(stream: bytes, side: int, marker: bytes = b"\xff\xc0") -> bytes:
    at = stream.index(marker) + 5
    return stream[:at] + struct.pack(">HH", side, side) + stream[at + 4 :]


def codestream(syntax: str, folder: Path) -> bytes:
    """Return the grey picture as a codec writes it."""
    path = write(folder / "codestream.dcm", GREY, finish=compressed(syntax))
    return get_frame(dcmread(path).PixelData, 0, number_of_frames=1)


def jpeg_2000(folder: Path, side: int, coding: bytes = b"") -> bytes:
    """Return a codestream that declares squares of this size, in one tile; `coding` replaces the coding style."""
    stream = bytearray(codestream(JPEG2000Lossless, folder))
    size = stream.index(b"\xff\x51")
    struct.pack_into(">2I", stream, size + 6, side, side)
    struct.pack_into(">2I", stream, size + 22, side, side)
    if coding:
        style = stream.index(b"\xff\x52")
        stream[style : style + 14] = b"\xff\x52" + struct.pack(">H", len(coding) + 2) + coding
    return bytes(stream)


def in_dicom(folder: Path, syntax: str, *streams: bytes, **attributes: Any) -> bytes:
    """Return a DICOM file whose compressed pixel data are these, whatever they are."""

    def finish(dataset: Any, values: np.ndarray) -> None:
        dataset.PixelData = encapsulate(list(streams))
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax

    return write(folder / "bomb.dcm", GREY, finish=finish, **attributes).read_bytes()


def _png(kind: bytes = b"", content: bytes = b"", side: int = 0) -> bytes:
    size = header(side, side) if side else header(60, 40)
    more = [(kind, content)] if kind else []
    return joined([size, *more, (b"IDAT", zlib.compress(bytes(61 * 40))), (b"IEND", b"")])


def _many_scans() -> bytes:
    """100 megapixels, and the last scan, which finds nothing to refine, 20,000 times over."""
    stream = resized_jpeg(jpeg(progressive=True), 10_000, b"\xff\xc2")
    scan = stream[stream.rindex(b"\xff\xda") : -2]
    return stream[:-2] + 20_000 * scan + stream[-2:]


def _tiff_tag() -> bytes:
    file = tiff_of(60, 40, bytes(2400), t700=0)
    return file.replace(struct.pack("<HHI", 700, 4, 1), struct.pack("<HHI", 700, 7, 2**32 - 1))


def _tiff_pages() -> bytes:
    """100,000 pages of the same pixels."""
    one = tiff_of(60, 40, bytes(2400))
    start, page = 8 + 2400, one[8 + 2400 : -4]
    following = (start + (len(page) + 4) * number for number in range(1, 100_000))
    return one[:start] + b"".join(page + struct.pack("<I", after) for after in following) + page + bytes(4)


def _tiff_tile() -> bytes:
    data = _zeros(1000)
    return tiff_of(
        60, 40, data, t259=8, t273=None, t278=None, t279=None, t322=31_984, t323=31_984, t324=0, t325=len(data)
    )


def _nifti(shape: tuple[int, int], kind: type = np.uint8, offset: float = 352, extension: bytes = bytes(4)) -> bytes:
    head = nib.Nifti1Header()
    head.set_data_shape(shape)
    head.set_data_dtype(kind)
    head["vox_offset"], head["magic"] = offset, b"n+1"
    return head.binaryblock + extension


def _nifti_extension(megabytes: int) -> bytes:
    size = megabytes * _MEGABYTE // 16 * 16
    head = _nifti((60, 40), offset=352 + size, extension=struct.pack("<4Bii", 1, 0, 0, 0, size, 6))
    return gzip.compress(head) + _zeros(megabytes, window=31)


def _behind(content: bytes, end: bytes, window: int) -> bytes:
    """Put a gigabyte into the place of the compressed pixels behind a header."""
    return b"".join(content.partition(end)[:2]) + _zeros(1000, window)


def _bmp(side: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + head


def _gif(screen: int = 60, frame: int = 60) -> bytes:
    with io.BytesIO() as buffer:
        Image.fromarray(GREY).save(buffer, "GIF")
        content = buffer.getvalue()
    at = content.index(b"\x2c\0\0\0\0") + 5
    content = content[:at] + struct.pack("<HH", frame, frame) + content[at + 4 :]
    return content[:6] + struct.pack("<HH", screen, screen) + content[10:]


def _webp(side: int) -> bytes:
    """A small picture on a large canvas."""
    with io.BytesIO() as buffer:
        Image.fromarray(GREY).save(buffer, "WEBP", lossless=True)
        picture = buffer.getvalue()[12:]
    canvas = b"VP8X" + struct.pack("<II", 10, 0) + 2 * (side - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(picture)) + b"WEBP" + canvas + picture


def _deflated(folder: Path) -> bytes:
    """Two gigabytes of a private element before the picture."""
    whole = write(folder / "x.dcm", GREY, syntax=DeflatedExplicitVRLittleEndian).read_bytes()
    start = 132 + 12 + struct.unpack_from("<I", whole, 140)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = packer.compress(struct.pack("<HH2sHI", 9, 0x1001, b"OB", 0, 2000 * _MEGABYTE))
    first, again = (packer.compress(bytes(_MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return whole[:start] + head + first + 1999 * again + packer.flush()


def _endless(folder: Path) -> bytes:
    """Pixel data of 4 GB by their length, of which 2,400 bytes are there."""
    declared = written(Element(0x7FE00010, b"OB", bytes(2400)))[:8]
    whole = write(folder / "x.dcm", GREY).read_bytes()
    return whole.replace(declared + struct.pack("<I", 2400), declared + struct.pack("<I", 2**32 - 2))


def _palette(folder: Path) -> bytes:
    """20,000 straight lines of 65,535 entries each."""
    lines = np.array([0, 1, 0, *(20_000 * [1, 65_535, 0])], "<u2").tobytes()
    palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [0, 0, 16]
        palette[f"Segmented{name}PaletteColorLookupTableData"] = lines
    return write(folder / "x.dcm", GREY, **palette).read_bytes()


def _rle(megabytes: int) -> bytes:
    return struct.pack("<16I", 1, 64, *(14 * [0])) + megabytes * 8000 * b"\x81\x00"


TOO_MANY = r"too large: \d+ x \d+ pixels"
TOO_LONG = "too large: over 600 MB"
BY_PILLOW = "exceeds limit of 178956970 pixels"
UNPACKS = "do not unpack to what its header declares"
OTHER_SIZE = "its compressed pixel data 60000 x 60000"
SMALL_BLOCKS = bytes([0, 0, 0, 1, 0, 5, 0, 0, 0, 1])  # 4 x 4 pixels
SMALL_PRECINCTS = bytes([1, 0, 0, 1, 0, 5, 4, 4, 0, 1, *(6 * [0x11])])  # 2 x 2 pixels

BOMBS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "png, size": (lambda _: _png(side=_SIDE), TOO_MANY),
    "png, text": (lambda _: _png(b"zTXt", b"key\0\0" + _zeros(1000)), "Decompressed data too large"),
    "png, profile": (lambda _: _png(b"iCCP", b"key\0\0" + _zeros(1000)), "Decompressed data too large"),
    "jpeg, size": (lambda _: resized_jpeg(jpeg(), _SIDE), TOO_MANY),
    "jpeg, scans": (lambda _: _many_scans(), "its pixel data has 20006 scans"),
    "tiff, size": (lambda _: tiff_of(_SIDE, _SIDE, _zeros(1), t259=8), TOO_MANY),
    "tiff, tile": (lambda _: _tiff_tile(), TOO_MANY),
    "tiff, strip": (lambda _: tiff_of(60, 40, _zeros(1000), t259=8, t278=2**31 - 1), "read"),
    "tiff, length of a strip": (lambda _: tiff_of(60, 40, bytes(2400), t279=2**32 - 1), "read"),
    "tiff, length of a tag": (lambda _: _tiff_tag(), "read"),
    "tiff, pages": (lambda _: _tiff_pages(), "holds several pages"),
    "nifti, size": (lambda _: _nifti((32_000, 32_000)), TOO_MANY),
    "nifti, numbers": (lambda _: _nifti((12_000, 12_000), np.float64), TOO_LONG),
    "nifti, behind": (
        lambda _: gzip.compress(_nifti((60, 40)) + bytes(2400)) + 64 * _zeros(1000, window=31),
        "unpacks to more than its header declares",
    ),
    "nifti, extension": (lambda _: _nifti_extension(1000), "its pixels begin only after 1000 MB"),
    "nifti, offset": (
        lambda _: gzip.compress(_nifti((60, 40), offset=2.0**40)) + 16 * _zeros(1000, window=31),
        "its pixels begin only after 1099511 MB",
    ),
    "webp, size": (lambda _: _webp(16_383), BY_PILLOW),
    "gif, size": (lambda _: _gif(screen=65_535), TOO_MANY),
    "gif, frame": (lambda _: _gif(frame=65_535), BY_PILLOW),
    "bmp, size": (lambda _: _bmp(_SIDE), TOO_MANY),
    "metaimage, size": (lambda _: mha(GREY, DimSize=f"{_SIDE} {_SIDE}"), TOO_MANY),
    "metaimage, behind": (lambda _: _behind(mha(GREY, pack=True, CompressedDataSize=None), b"LOCAL\n", 15), UNPACKS),
    "nrrd, size": (lambda _: nrrd(GREY, sizes=f"{_SIDE} {_SIDE}"), TOO_MANY),
    "nrrd, behind": (lambda _: _behind(nrrd(GREY, pack=True), b"\n\n", 31), UNPACKS),
    "dicom, size": (lambda folder: write(folder / "x", GREY, Rows=65_535, Columns=65_535).read_bytes(), TOO_MANY),
    "dicom, frames": (lambda folder: write(folder / "x", GREY, NumberOfFrames=10**6).read_bytes(), "1000000 frames"),
    "dicom, samples": (
        lambda folder: write(folder / "x", GREY, SamplesPerPixel=65_535, Rows=9000, Columns=9000).read_bytes(),
        TOO_LONG,
    ),
    "dicom, deflated": (_deflated, TOO_LONG),
    "dicom, length": (_endless, "read"),
    "dicom, palette": (_palette, "its palette is in segments"),
    "dicom, RLE": (lambda folder: in_dicom(folder, RLELossless, _rle(1000)), "read"),
    "dicom, JPEG": (lambda folder: in_dicom(folder, JPEGBaseline8Bit, resized_jpeg(jpeg(), _SIDE)), OTHER_SIZE),
    "dicom, JPEG, scans": (
        lambda folder: in_dicom(folder, JPEGBaseline8Bit, _many_scans(), Rows=10_000, Columns=10_000),
        "its pixel data has 20006 scans",
    ),
    "dicom, JPEG-LS": (
        lambda folder: in_dicom(
            folder, JPEGLSLossless, resized_jpeg(codestream(JPEGLSLossless, folder), _SIDE, b"\xff\xf7")
        ),
        OTHER_SIZE,
    ),
    "dicom, JPEG 2000": (lambda folder: in_dicom(folder, JPEG2000Lossless, jpeg_2000(folder, _SIDE)), OTHER_SIZE),
    "dicom, JPEG 2000, blocks": (
        lambda folder: in_dicom(
            folder, JPEG2000Lossless, jpeg_2000(folder, 12_000, SMALL_BLOCKS), Rows=12_000, Columns=12_000
        ),
        r"its pixel data has \d+ parts",
    ),
    "dicom, JPEG 2000, precincts": (
        lambda folder: in_dicom(
            folder, JPEG2000Lossless, jpeg_2000(folder, 12_000, SMALL_PRECINCTS), Rows=12_000, Columns=12_000
        ),
        r"its pixel data has \d+ parts",
    ),
}
"""By name: what makes the file, and what the error's text begins with or contains, or "read"."""
