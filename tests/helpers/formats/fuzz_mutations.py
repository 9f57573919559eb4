"""Breaking valid files: bytes anywhere, and the fields of each format where they stand.

All that is random comes from one `random.Random`, so that a seed, Hypothesis or a fuzzing engine can drive it.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

from dicom_elements import mutated_dicom
from fuzz_bytes import ODD, battered, odd_field
from fuzz_headers import mutated_bmp, mutated_boxes, mutated_gif, mutated_text_header, mutated_webp
from png_writing import chunks, header, joined

__all__ = ["mutated"]

_MARKER = re.compile(rb"\xff[\x01\x4f-\xfe]")
_GZIP = b"\x1f\x8b"
_PNG_KINDS = (
    b"PLTE",
    b"tRNS",
    b"iCCP",
    b"zTXt",
    b"iTXt",
    b"tEXt",
    b"eXIf",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"gAMA",
    b"IDAT",
)
_TIFF_TAGS = (
    *(254, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 282, 284, 292, 296, 301, 317, 320),
    *(322, 323, 324, 325, 330, 338, 339, 340, 341, 347, 512, 530, 532, 34377, 34665, 34675, 65000),
)
# Offsets and struct formats of what a NIfTI-1 header says about the data; NIfTI-2 has 64-bit numbers instead.
_NIFTI_1 = (
    *((0, "i"), (70, "h"), (72, "h"), (108, "f"), (112, "f"), (116, "f"), (123, "b"), (252, "h"), (254, "h")),
    *((40 + 2 * axis, "h") for axis in range(8)),
    *((76 + 4 * axis, "f") for axis in range(8)),
    *((348, "i"), (352, "i"), (356, "i")),
)
_NIFTI_2 = (
    *((0, "i"), (12, "h"), (14, "h"), (168, "q"), (176, "d"), (184, "d"), (500, "i"), (344, "i"), (348, "i")),
    *((16 + 8 * axis, "q") for axis in range(8)),
    *((104 + 8 * axis, "d") for axis in range(8)),
    *((540, "i"), (544, "i"), (548, "i")),
)


def mutated(name: str, seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds with its structure, its bytes, or both changed."""
    data = random.choice(seeds)
    way = random.randrange(4)
    if way:
        data = _STRUCTURED[name](data, random)
    return battered(data, random.choice(seeds), random) if way in (0, 3) else data


def _mutated_png(data: bytes, random: Random) -> bytes:
    parts = list(chunks(data))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(parts))
        kind, content = parts[at]
        match random.randrange(6):
            case 0:
                size = [random.choice((*ODD, 33, 40)) & 0xFFFFFFFF for _ in range(2)]
                parts[0] = header(*size, random.choice((1, 2, 4, 8, 16, 0)), random.choice((0, 2, 3, 4, 6, 5)))
            case 1:
                parts[at] = kind, battered(content, b"", random)
            case 2:
                parts.insert(at, random.choice(parts))
            case 3:
                parts.insert(at, (random.choice(_PNG_KINDS), battered(content, b"\0", random)))
            case 4 if len(parts) > 1:
                del parts[at]
            case _ if kind == b"IDAT":
                parts[at] = kind, zlib.compress(battered(_inflated(content), b"", random), 1)
    return joined(parts)


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:  # it was broken before
        return content


def _mutated_dicom(data: bytes, random: Random) -> bytes:
    markers = _MARKER.search(data)
    return _mutated_jpeg(data, random) if markers and random.random() < 0.3 else mutated_dicom(data, random)


def _mutated_jpeg(data: bytes, random: Random) -> bytes:
    """Change what stands close behind markers: lengths, sizes, tables; in JPEG-LS and JPEG 2000 as well."""
    markers = [match.start() for match in _MARKER.finditer(data)]
    for _ in range(random.randint(1, 4)):
        at = random.choice(markers)
        data = odd_field(data, at + random.randint(1, 24), random)
    return data


def _mutated_jpeg_2000(data: bytes, random: Random) -> bytes:
    return mutated_boxes(data, random) if random.random() < 0.3 else _mutated_jpeg(data, random)


def _mutated_tiff(data: bytes, random: Random) -> bytes:
    order = "<" if data[:1] == b"I" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    first = struct.unpack_from(f"{order}Q", data, 8)[0] if is_big else struct.unpack_from(f"{order}I", data, 4)[0]
    count = struct.unpack_from(f"{order}H", data, first)[0]
    start, length = (first + 8, 20) if is_big else (first + 2, 12)
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        entry = start + length * random.randrange(count)
        match random.randrange(4):
            case 0:
                struct.pack_into(f"{order}H", changed, entry, random.choice(_TIFF_TAGS))
            case 1:
                struct.pack_into(f"{order}H", changed, entry + 2, random.randint(0, 19))
            case 2:
                struct.pack_into(f"{order}I", changed, entry + 4, random.choice(ODD) & 0xFFFFFFFF)
            case _:
                number = random.choice((*ODD, first, entry, start)) & 0xFFFFFFFF
                struct.pack_into(f"{order}I", changed, entry + length - 4, number)
    return bytes(changed)


def _mutated_nifti(data: bytes, random: Random) -> bytes:
    if data.startswith(_GZIP):
        return gzip.compress(_mutated_nifti(gzip.decompress(data), random), 1, mtime=0)
    order = "<" if data[0] else ">"
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at, kind = random.choice(_NIFTI_2 if data[4:7] == b"n+2" else _NIFTI_1)
        value: float = random.choice((*ODD, 1, 2, 3, 4, 33, 40))
        if kind in "fd":
            value = random.choice((value, float("nan"), float("inf"), -1.0, 1e-30, 1e30, 0.5))
        elif kind != "q":
            value = _wrapped(int(value), struct.calcsize(kind))
        struct.pack_into(order + kind, changed, at, value)
    return bytes(changed)


def _wrapped(value: int, size: int) -> int:
    return int.from_bytes((value % 256**size).to_bytes(size, "little"), "little", signed=True)


_STRUCTURED: dict[str, Callable[[bytes, Random], bytes]] = {
    "dicom": _mutated_dicom,
    "png": _mutated_png,
    "jpeg": _mutated_jpeg,
    "tiff": _mutated_tiff,
    "nifti": _mutated_nifti,
    "webp": mutated_webp,
    "gif": mutated_gif,
    "bmp": mutated_bmp,
    "jpeg2000": _mutated_jpeg_2000,
    "metaimage": mutated_text_header,
    "nrrd": mutated_text_header,
}
