"""What compressed pixel data declare of themselves, checked before a codec believes it.

A codec makes room for the size that stands in the codestream, whatever the file around it says, goes over all of it
with every scan, and keeps accounts of every code block. So a few hundred bytes can ask for gigabytes, or for hours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monai_lungxfer.utils.errors import InputFileError

if TYPE_CHECKING:  # pydicom takes a while to import, and most files are no DICOM
    from pydicom.uid import UID

_MOST_SCANS = 100  # of libtiff; progressive JPEG has about ten
_MOST_COMPONENTS = 4
_MOST_BLOCKS = 400_000  # of 400 bytes each in OpenJPEG; 150 million pixels have 150,000 of 32 x 32 pixels
_REMEDY = "Export it again, uncompressed"

# Starts of frames (SOF), of JPEG-LS and of hierarchical ones, too: ISO 10918-1, table B.1, and ISO 14495-1, C.1.
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xDE, 0xF7)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment

_SIZE, _CODING, _COMPONENT_CODING, _TILE, _DATA, _END = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
_CAPABILITIES = 0xFF50  # stands in HTJ2K (ISO 15444-15), of which the SIZ segment does not tell

_JPEG_2000_STARTS = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")


@dataclass(frozen=True)
class Codestream:
    """What compressed pixel data say of themselves: their transfer syntax, and what RLE leaves ``None``."""

    syntax: UID
    rows: int | None = None
    columns: int | None = None
    components: int | None = None
    bits: int | None = None
    is_signed: bool | None = None


def identify(stream: bytes) -> Codestream | None:
    """Return what a codestream is by its first bytes, or ``None`` when it is none that DICOM has for radiographs."""
    try:
        if stream.startswith(b"\xff\xd8\xff"):
            return _identify_jpeg(stream)
        if stream.startswith(_JPEG_2000_STARTS):
            return _identify_jpeg_2000(stream)
        return _identify_rle(stream)
    except (IndexError, KeyError, StopIteration, ValueError, struct.error):
        return None


def _identify_jpeg(stream: bytes) -> Codestream:
    from pydicom import uid

    marker, bits, rows, columns, components = next(_jpeg_frames(stream))
    scan = stream.index(b"\xff\xda")
    # Ss, which is the predictor of lossless JPEG (ISO 10918-1, B.2.3), or NEAR of JPEG-LS (ISO 14495-1, C.2.3)
    first = stream[scan + struct.unpack_from(">H", stream, scan + 2)[0] - 1]
    syntaxes = {
        0xC0: uid.JPEGBaseline8Bit,
        0xC3: uid.JPEGLosslessSV1 if first == 1 else uid.JPEGLossless,
        0xF7: uid.JPEGLSNearLossless if first else uid.JPEGLSLossless,
    }
    return Codestream(syntaxes.get(marker, uid.JPEGExtended12Bit), rows, columns, components, bits, None)


def _identify_jpeg_2000(stream: bytes) -> Codestream:
    from pydicom import uid

    segments = dict(_jpeg_2000_segments(_without_boxes(stream)))
    body = segments[_SIZE]
    right, lower, left, upper = struct.unpack_from(">4I", body, 2)
    (components,) = struct.unpack_from(">H", body, 34)
    is_lossless = segments[_CODING][9] == 1  # the wavelet 5-3, ISO 15444-1, table A.20
    plain = uid.JPEG2000Lossless if is_lossless else uid.JPEG2000
    syntax = uid.UID("1.2.840.10008.1.2.4.203") if _CAPABILITIES in segments else plain
    return Codestream(syntax, lower - upper, right - left, components, (body[36] & 0x7F) + 1, bool(body[36] & 0x80))


def _identify_rle(stream: bytes) -> Codestream | None:
    """Return what begins with the table of segments in PS3.5, G.5."""
    from pydicom.uid import RLELossless

    count, *offsets = struct.unpack_from("<16I", stream)
    used, rest = offsets[:count], offsets[count:]
    is_table = 1 <= count <= len(offsets) and used[0] == 64 and used[-1] < len(stream)
    return Codestream(RLELossless) if is_table and used == sorted(set(used)) and not any(rest) else None


def check_scans(path: Path, jpeg: bytes) -> None:
    """Refuse a JPEG file of over a hundred scans, each of which goes over the whole picture; ten are usual."""
    scans = jpeg.count(b"\xff\xda")
    if scans > _MOST_SCANS:
        raise InputFileError(f"its pixel data has {scans} scans", source=path, remedy=_REMEDY)


def check_jpeg(path: Path, stream: bytes, height: int, width: int) -> None:
    """Refuse a JPEG or JPEG-LS codestream of another size than its file declares, or of very many scans.

    A size that stands behind the pixels (DNL) counts as another one. ValueError is raised for what is no codestream.
    """
    check_scans(path, stream)
    frames = list(_jpeg_frames(stream))
    if not frames:
        raise ValueError("no start of a frame")
    for _, _, rows, columns, components in frames:
        _check(path, (rows, columns), (height, width), components)


def _jpeg_frames(stream: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield marker, bits, height, width and components of every frame before the first scan; codecs refuse others."""
    if not stream.startswith(b"\xff\xd8"):
        raise ValueError("no JPEG")
    at = 2
    while (at := stream.find(b"\xff", at)) >= 0:
        (marker,) = stream[at + 1 : at + 2] or b"\xff"
        if marker == _SCAN:
            return
        if marker in _ALONE or marker in (0, 0xFF):  # 0xFF fills up
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            yield marker, *struct.unpack_from(">BHHB", stream, at + 4)
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]


def check_jpeg_2000(path: Path, stream: bytes, height: int, width: int) -> None:
    """Refuse a JPEG 2000 codestream of another size than its file declares, or of very many parts.

    ValueError is raised for what is no codestream.
    """
    for marker, body in _jpeg_2000_segments(_without_boxes(stream)):
        if marker == _SIZE:
            right, lower, left, upper = struct.unpack_from(">4I", body, 2)
            (components,) = struct.unpack_from(">H", body, 34)
            _check(path, (lower - upper, right - left), (height, width), components)
        elif marker in (_CODING, _COMPONENT_CODING):
            blocks = _blocks(marker, body, height * width)
            if blocks > _MOST_BLOCKS:
                raise InputFileError(f"its pixel data has {blocks:.0f} parts", source=path, remedy=_REMEDY)


def _without_boxes(stream: bytes) -> bytes:
    """Take off the boxes of a JP2 file, which some put into DICOM (ISO 15444-1, annex I)."""
    at = 0
    while stream[at : at + 4] != b"\xff\x4f\xff\x51":
        length, kind = struct.unpack_from(">I4s", stream, at)
        head = 16 if length == 1 else 8
        if kind == b"jp2c":
            at += head
            continue
        length = struct.unpack_from(">Q", stream, at + 8)[0] if length == 1 else length
        if length < head or b"pclr" in stream[at : at + length]:  # a palette, which makes 255 channels of one
            raise ValueError("no JPEG 2000")
        at += length
    return stream[at:]


def _jpeg_2000_segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of the segments in the main header and in those of the tiles' parts."""
    at, end = 2, len(stream)
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == _END:
            return
        if marker == _TILE:
            (part,) = struct.unpack_from(">I", stream, at + 6)
            end = at + part if part else len(stream)
        if marker == _DATA:
            if end <= at:
                raise ValueError("a tile's part of no length")
            at = end
            continue
        yield marker, stream[at + 4 : at + 2 + length]
        at += 2 + length


def _blocks(marker: int, body: bytes, pixels: int) -> float:
    """Return about how many code blocks a component has; precincts divide them (ISO 15444-1, B.6 and B.7)."""
    flags, start = (0, 5) if marker == _CODING else (1, 2)  # A.6.1 and A.6.2
    levels, width, height = body[start], body[start + 1] + 2, body[start + 2] + 2
    sizes = body[start + 5 :] if body[flags] & 1 else b""
    blocks = 0.0
    for resolution in range(levels + 1):
        size = sizes[resolution] if resolution < len(sizes) else 0xFF
        inside = resolution > 0  # precincts are those of the resolution, bands are half as large
        across, down = min(width, (size & 15) - inside), min(height, (size >> 4) - inside)
        share = 0.75 if inside else 1  # the rest is in the resolution below
        blocks += share * pixels / 4 ** (levels - resolution) / 2.0 ** (max(across, 0) + max(down, 0))
    return blocks


def _check(path: Path, found: tuple[int, int], declared: tuple[int, int], components: int) -> None:
    if found != declared or components > _MOST_COMPONENTS:
        raise InputFileError(
            f"its header declares {declared[1]} x {declared[0]} pixels, its compressed pixel data "
            f"{found[1]} x {found[0]} of {components} components",
            source=path,
            remedy="Copy it again from its source",
        )
