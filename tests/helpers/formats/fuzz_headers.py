"""Breaking the headers of formats that have a few fields at known places, and those that are text."""

from __future__ import annotations

import struct
from random import Random

from fuzz_bytes import ODD, battered, odd_field

__all__ = ["mutated_bmp", "mutated_boxes", "mutated_gif", "mutated_text_header", "mutated_webp"]

_BMP = ((2, "I"), (10, "I"), (14, "I"), (18, "I"), (22, "I"), (26, "H"), (28, "H"), (30, "I"), (34, "I"), (46, "I"))
_GIF = ((6, "H"), (8, "H"), (10, "B"), (11, "B"), (12, "B"))
_WEBP = ((4, "I"), (12, "I"), (16, "I"), (20, "I"), (21, "I"), (24, "I"), (26, "H"), (27, "I"), (28, "H"))
_WORDS = (
    *("0", "-1", "1", "2", "3", "4", "33", "40", "32", "65536", "4294967295", "1e30", "nan", "inf", "-0.5", "0.2 0.3"),
    *(
        "True",
        "False",
        "LOCAL",
        "LIST",
        "none",
        "raw",
        "gzip",
        "hex",
        "big",
        "little",
        "domain",
        "vector",
        "LPS",
        "RAS",
    ),
    *("MET_UCHAR", "MET_DOUBLE", "MET_OTHER", "uchar", "double", "block", "(1,0,0)", "(0,0,-1)", "(1,0", "", "x", "é"),
)
_LINES = (
    *("ElementSize = 1 1", "ElementNumberOfChannels = 3", "HeaderSize = -1", "HeaderSize = 12", "Rotation = 1 0 0 1"),
    *("ElementByteOrderMSB = True", "CompressedData = True", "BinaryData = False", "NDims = 3", "DimSize = 40 33 1"),
    *(
        "ElementDataFile = LIST",
        "Comment = x",
        "no field",
        "sizes: 40 33",
        "kinds: vector domain domain",
        "data file: LIST",
    ),
    *("spacings: 1 nan", "byte skip: 4", "line skip: 1", "encoding: gzip", "endian: big", "key:=value", "# text", ""),
)


def _with_fields(data: bytes, fields: tuple[tuple[int, str], ...], random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at, kind = random.choice(fields)
        value = random.choice((*ODD, 33, 40)) % 256 ** struct.calcsize(kind)
        if at + struct.calcsize(kind) <= len(changed):
            struct.pack_into(f"<{kind}", changed, at, value)
    return bytes(changed)


def mutated_bmp(data: bytes, random: Random) -> bytes:
    """Change sizes, bits, compression, offsets, and what follows in the header."""
    if random.random() < 0.3:
        return odd_field(data, random.randrange(14, min(140, len(data))), random)
    return _with_fields(data, _BMP, random)


def mutated_gif(data: bytes, random: Random) -> bytes:
    """Change the screen, or what stands at the beginning of an extension or a picture."""
    if random.random() < 0.4:
        return _with_fields(data, _GIF, random)
    places = [at for at in range(13, len(data) - 10) if data[at] in (0x21, 0x2C)]
    for _ in range(random.randint(1, 3)):
        data = odd_field(data, random.choice(places) + random.randint(0, 12), random)
    return data


def mutated_webp(data: bytes, random: Random) -> bytes:
    """Change the sizes in the first headers, or take the chunks apart."""
    if random.random() < 0.6:
        return _with_fields(data, _WEBP, random)
    parts, at = [], 12
    while at + 8 <= len(data):
        length = 8 + struct.unpack_from("<I", data, at + 4)[0]
        parts.append(data[at : at + length + length % 2])
        at += length + length % 2
    number = random.randrange(len(parts))
    match random.randrange(3):
        case 0:
            parts.insert(number, random.choice(parts))
        case 1:
            parts[number] = battered(parts[number], b"", random)
        case _:
            canvas = b"".join(random.choice((*ODD, 32, 39)).to_bytes(8, "little", signed=True)[:3] for _ in range(2))
            parts.insert(0, b"VP8X" + struct.pack("<II", 10, random.randrange(64)) + canvas)
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def mutated_boxes(data: bytes, random: Random) -> bytes:
    """Change the boxes of JP2 in front of the codestream: their lengths, kinds and fields."""
    end = data.find(b"jp2c")
    if end < 0:  # a codestream alone
        return odd_field(data, random.randrange(min(120, len(data))), random)
    for _ in range(random.randint(1, 3)):
        data = odd_field(data, random.randrange(12, end + 4), random)
    return data


def mutated_text_header(data: bytes, random: Random) -> bytes:
    """Change, repeat, remove, exchange and add lines of a MetaImage or NRRD header."""
    is_meta = data.startswith(b"Obj")
    end = data.index(b"LOCAL\n") + 6 if is_meta else data.index(b"\n\n") + 1
    lines = data[:end].decode("latin-1").splitlines()
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(lines))
        match random.randrange(7):
            case 0 | 1 | 2 | 3:
                lines[at] = _with_a_word(lines[at], random)
            case 4:
                lines.insert(at, random.choice((*lines, *_LINES)))
            case 5 if len(lines) > 2:
                del lines[at]
            case _:
                other = random.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
    ending = random.choice(("\n", "\n", "\n", "\r\n"))
    return (ending.join(lines) + ending).encode("latin-1") + data[end:]


def _with_a_word(line: str, random: Random) -> str:
    """Put another word, or number, in the place of one of a field's value."""
    words = line.split(" ")
    at = random.randrange(min(1, len(words) - 1), len(words))
    words[at] = str(random.choice(ODD)) if random.random() < 0.3 else random.choice(_WORDS)
    return " ".join(words)
