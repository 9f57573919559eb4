"""DICOM files taken apart into their elements, changed, and put together again, whatever sense that makes.

pydicom checks and tidies what it writes; here nothing stands in the way of nonsense.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from fuzz_bytes import ODD, battered
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

__all__ = ["Element", "elements", "mutated_dicom", "mutated_header", "renamed", "written"]

_PREAMBLE = 132
_LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT", b"UC", b"UR"))
_UNDEFINED = 0xFFFFFFFF
_SYNTAX = 0x00020010
_PIXELS = 0x7FE00010

_SYNTAXES = (
    *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
    *(*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes, RLELossless, "1.2.3", ""),
)
# What the reader looks at.
_KEYWORDS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SpecificCharacterSet"),
    *("EstimatedRadiographicMagnificationFactor", "Modality", "BodyPartExamined", "ViewPosition", "SeriesDescription"),
    *("PatientOrientation", "ViewCodeSequence", "AnatomicRegionSequence", "ModalityLUTSequence", "VOILUTSequence"),
    *("LUTDescriptor", "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "PixelData"),
    *("FloatPixelData", "DoubleFloatPixelData", "SegmentedRedPaletteColorLookupTableData", "ExtendedOffsetTable"),
)
_TEXTS = (
    *(b"", b"0", b"-1", b"nan", b"inf", b"1e400", b"1e-320", b"1e300\\1e300", b"0.2\\0.3", b"3\\2\\1", b"1\\", b"abc"),
    *(b"RGB", b"YBR_FULL", b"YBR_FULL_422", b"YBR_ICT", b"PALETTE COLOR", b"MONOCHROME1", b"SIGMOID", b"LINEAR_EXACT"),
    *(b"ISO_IR 192", b"\\ISO 2022 IR 87", b"P\\F", b"\xff\xfe\x1b$B", b"9" * 70),
)


@dataclass(frozen=True)
class Element:
    """One element of the top level; `has_length` is false where the file leaves it open."""

    tag: int
    vr: bytes
    value: bytes
    has_length: bool = True


def elements(content: bytes, order: str = "<", *, is_implicit: bool = False) -> Iterator[Element]:
    """Yield the elements of a valid data set. One without a length must be the last."""
    at = 0
    while at < len(content):
        group, number = struct.unpack_from(f"{order}HH", content, at)
        vr = b"" if is_implicit else content[at + 4 : at + 6]
        if is_implicit or vr in _LONG:
            at += 8 if is_implicit else 12
            (length,) = struct.unpack_from(f"{order}I", content, at - 4)
        else:
            at += 8
            (length,) = struct.unpack_from(f"{order}H", content, at - 2)
        has_length = length != _UNDEFINED
        end = at + length if has_length else len(content)
        yield Element(group << 16 | number, vr, content[at:end], has_length)
        at = end


def written(element: Element, order: str = "<") -> bytes:
    length = len(element.value) if element.has_length else _UNDEFINED
    head = struct.pack(f"{order}HH", element.tag >> 16, element.tag & 0xFFFF)
    if not element.vr:
        return head + struct.pack(f"{order}I", length) + element.value
    if element.vr in _LONG:
        return head + element.vr + struct.pack(f"{order}HI", 0, length) + element.value
    return head + element.vr + struct.pack(f"{order}H", length & 0xFFFF) + element.value


def renamed(data: bytes, syntax: str) -> tuple[str, bytes]:
    """Return the transfer syntax of a file, and the file with another name for it; none, if that is empty."""
    meta_length = 12 + struct.unpack_from("<I", data, _PREAMBLE + 8)[0]
    meta = list(elements(data[_PREAMBLE : _PREAMBLE + meta_length]))
    old = next(element.value for element in meta if element.tag == _SYNTAX)
    value = syntax.encode() + bytes(len(syntax) % 2)
    kept = [replace(one, value=value) if one.tag == _SYNTAX else one for one in meta if syntax or one.tag != _SYNTAX]
    rest = b"".join(map(written, kept[1:]))
    length = written(replace(kept[0], value=struct.pack("<I", len(rest))))
    return old.rstrip(b"\0").decode(), data[:_PREAMBLE] + length + rest + data[_PREAMBLE + meta_length :]


def mutated_dicom(data: bytes, random: Random) -> bytes:
    """Change, add, drop, double or move elements; the transfer syntax may say something else than the truth."""
    meta, body, order, is_deflated = _taken_apart(data)
    for _ in range(random.randint(1, 4)):
        if random.random() < 0.1:
            _change(meta, ("TransferSyntaxUID",), "<", random)
        else:
            _change(body, _KEYWORDS, order, random)
    content = b"".join(written(element, order) for element in body)
    if is_deflated:
        content = zlib.compress(content, 1, -15)
    return data[:_PREAMBLE] + b"".join(map(written, meta)) + content


def mutated_header(data: bytes, random: Random) -> bytes:
    """Change the header alone: elements as `mutated_dicom` does, or bytes; the pixel data stay."""
    meta, body, order, _ = _taken_apart(data)
    pixels = written(body.pop(), order)
    keywords = [keyword for keyword in _KEYWORDS if not keyword.endswith("PixelData")]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if random.random() < 0.1:
            _change(meta, ("TransferSyntaxUID",), "<", random)
        else:
            _change(body, keywords, order, random)
    header = b"".join(map(written, meta)) + b"".join(written(element, order) for element in body)
    if random.random() < 0.2:
        header = battered(header, b"", random)
    return data[:_PREAMBLE] + header + pixels


def _taken_apart(data: bytes) -> tuple[list[Element], list[Element], str, bool]:
    """Return the elements of the meta information and of the data set, its byte order, and whether it is deflated."""
    meta_length = 12 + struct.unpack_from("<I", data, _PREAMBLE + 8)[0]
    meta = list(elements(data[_PREAMBLE : _PREAMBLE + meta_length]))
    rest = data[_PREAMBLE + meta_length :]
    syntax = next(element.value for element in meta if element.tag == _SYNTAX).rstrip(b"\0").decode()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    is_deflated = syntax == DeflatedExplicitVRLittleEndian
    content = zlib.decompress(rest, -15) if is_deflated else rest
    return meta, list(elements(content, order, is_implicit=syntax == ImplicitVRLittleEndian)), order, is_deflated


def _change(parts: list[Element], keywords: Sequence[str], order: str, random: Random) -> None:
    at = random.randrange(len(parts))
    match random.randrange(8):
        case 0:
            parts[:] = parts[:at] + parts[at + 1 :] or parts
        case 1:
            parts.insert(random.randrange(len(parts)), parts[at])
        case 2:
            parts[at] = replace(
                parts[at], vr=parts[at].vr and random.choice((b"US", b"OB", b"DS", b"SQ", b"UN", b"??"))
            )
        case 3:
            parts[at] = replace(parts[at], value=battered(parts[at].value, b"", random))
        case _:
            tag = tag_for_keyword(random.choice(keywords)) or 0
            found = [index for index, element in enumerate(parts) if element.tag == tag]
            old = parts[found[0]] if found else Element(tag, _vr(tag, parts, random), b"")
            new = replace(old, value=_odd_value(old, order, random))
            parts[:] = sorted([*(part for part in parts if part.tag != tag), new], key=lambda part: part.tag)


def _vr(tag: int, parts: list[Element], random: Random) -> bytes:
    return random.choice(dictionary_VR(tag).split(" or ")).encode() if parts[0].vr else b""


def _odd_value(element: Element, order: str, random: Random) -> bytes:
    kind = element.vr or dictionary_VR(element.tag).split(" or ")[0].encode()
    if element.tag == _PIXELS or kind in (b"OB", b"OW", b"SQ"):
        return battered(element.value, b"\xfe\xff\x00\xe0\xff\xff\xff\xff", random)
    if kind in (b"US", b"SS"):
        numbers = [random.choice((*ODD, 1, 8, 48, 70)) & 0xFFFF for _ in range(random.choice((1, 1, 1, 0, 3)))]
        return struct.pack(f"{order}{len(numbers)}H", *numbers)
    if kind == b"UI":
        return random.choice(_SYNTAXES).encode()
    return random.choice((*_TEXTS, str(random.choice(ODD)).encode()))
