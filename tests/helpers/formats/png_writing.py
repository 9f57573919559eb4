"""Writing PNG files chunk by chunk, also such as no library would write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["MAGIC", "chunk", "chunks", "header", "joined", "png16"]

MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of every chunk of a valid file."""
    at = len(MAGIC)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def joined(parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a file of these chunks, with the right lengths and checksums."""
    return MAGIC + b"".join(chunk(kind, content) for kind, content in parts)


def header(width: int, height: int, bits: int = 8, colour_type: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)


def png16(values: np.ndarray, colour_type: int) -> bytes:
    """Return a file of 16 bits a sample, which Pillow writes for grey only."""
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = header(values.shape[1], values.shape[0], 16, colour_type)
    return joined([head, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")])
