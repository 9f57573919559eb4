"""What compressed pixel data declare of themselves, checked before a codec believes it.

A codec makes room for the size that stands in the codestream, whatever the file around it says, goes over all of it
with every scan, and keeps accounts of every code block. So a few hundred bytes can ask for gigabytes, or for hours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from monai_lungxfer.utils.errors import InputFileError

_MOST_SCANS = 100  # of libtiff; progressive JPEG has about ten
_MOST_COMPONENTS = 4
_MOST_BLOCKS = 400_000  # of 400 bytes each in OpenJPEG; 150 million pixels have 150,000 of 32 x 32 pixels
_REMEDY = "Export it again, uncompressed"

# Starts of frames (SOF), of JPEG-LS and of hierarchical ones, too: ISO 10918-1, table B.1, and ISO 14495-1, C.1.
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xDE, 0xF7)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment

_SIZE, _CODING, _COMPONENT_CODING, _TILE, _DATA, _END = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9


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
    for rows, columns, components in frames:
        _check(path, (rows, columns), (height, width), components)


def _jpeg_frames(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield height, width and components of every frame header before the first scan; codecs refuse later ones."""
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
            yield struct.unpack_from(">HHB", stream, at + 5)
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
