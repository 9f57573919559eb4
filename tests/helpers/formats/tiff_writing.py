"""Writing TIFF files tag by tag, also such as no library would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

__all__ = ["tiff", "tiff_of"]

_HEADER = 8
_ENTRY = 12
Tags = Mapping[int, int | Sequence[int]]


def tiff(tags: Tags, data: bytes = b"", after: int = 0) -> bytes:
    """Return a little-endian file of one directory.

    Parameters
    ----------
    tags : mapping
        Tag to value, or values, of 32 bits. Offsets of strips or tiles count from the first byte of `data`.
    data : bytes
        The strips or tiles.
    after : int
        Where the next directory stands.
    """
    entries, more = [], b""
    directory = _HEADER + len(data)
    beyond = directory + 2 + _ENTRY * len(tags) + 4
    for tag, given in sorted(tags.items()):
        values = [given] if isinstance(given, int) else list(given)
        if tag in (273, 324):
            values = [_HEADER + value for value in values]
        content = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            content, more = struct.pack("<I", beyond + len(more)), more + content
        entries.append(struct.pack("<HHI", tag, 4, len(values)) + content)
    listed = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", after)
    return struct.pack("<2sHI", b"II", 42, directory) + data + listed + more


def tiff_of(width: int, height: int, data: bytes, **special: int | Sequence[int] | None) -> bytes:
    """Return a file of one strip of 8-bit grey; `special` changes, adds or drops tags, as in ``t259=8``."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(data)}
    changed = tags | {int(name[1:]): value for name, value in special.items()}
    return tiff({tag: value for tag, value in changed.items() if value is not None}, data)
