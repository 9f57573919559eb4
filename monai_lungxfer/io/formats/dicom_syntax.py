"""Which transfer syntax the pixel data of a DICOM file are in, by their own bytes, when the header says another one."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate

from monai_lungxfer.io.formats.codestream import Codestream, identify
from monai_lungxfer.io.formats.dicom_pixels import split_frames
from monai_lungxfer.utils.errors import InputFileError

_ITEM, _LAST = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_JPEG = "1.2.840.10008.1.2.4."

_FAMILIES: Mapping[str, frozenset[str]] = {
    uid.JPEGBaseline8Bit: frozenset(f"{_JPEG}{number}" for number in range(50, 57)),
    uid.JPEGExtended12Bit: frozenset(f"{_JPEG}{number}" for number in range(51, 57)),
    **dict.fromkeys(
        (uid.JPEGLossless, uid.JPEGLosslessSV1), frozenset(f"{_JPEG}{number}" for number in (*range(57, 67), 70))
    ),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), frozenset((f"{_JPEG}80", f"{_JPEG}81"))),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000), frozenset(f"{_JPEG}{number}" for number in range(90, 94))),
    f"{_JPEG}203": frozenset(f"{_JPEG}{number}" for number in range(201, 206)),
    uid.RLELossless: frozenset((uid.RLELossless,)),
}
"""For a transfer syntax that was found, those that a header may call it: the same decoder reads them."""


def settle_syntax(path: Path, dataset: FileDataset, remarks: list[str]) -> Codestream | None:
    """Set the transfer syntax that the pixel data are in, and return what compressed ones say of themselves.

    A codestream is known by its first bytes. It may lie in items, as it should, or be the pixel data itself. What is
    neither a codestream nor in items is taken as uncompressed. `remarks` receives how the header was wrong.

    Raises
    ------
    InputFileError
        When pixel data in items are no codestream that is known, and the header does not name one either.
    """
    declared = dataset.file_meta.get("TransferSyntaxUID")
    data = dataset.get("PixelData")
    plain = _encoding(dataset)
    if not isinstance(data, bytes):  # floating point, which is never compressed
        dataset.file_meta.TransferSyntaxUID = declared or plain
        return None
    is_declared_compressed = declared is not None and declared not in _PLAIN
    frame = _unwrap(data, must_fit=not is_declared_compressed)
    stream = identify(data if frame is None else frame)
    length = _plain_length(dataset)
    if frame is None and not is_declared_compressed and length is not None and len(data) >= length:
        stream = None  # it only looks like one
    if stream is not None:
        if frame is None:
            _replace(dataset, encapsulate([data]))
        found = declared if declared in _FAMILIES[stream.syntax] else stream.syntax
    elif frame is None or len(frame) - len(frame) % 2 == length:
        if frame is not None:
            _replace(dataset, frame)
        found = plain if is_declared_compressed or declared is None else declared
    elif is_declared_compressed:
        found = declared  # the decoder will tell
    else:
        raise InputFileError(
            "its pixel data is compressed, in a way that its header does not say",
            source=path,
            remedy="Export it uncompressed",
        )
    if found != declared:
        said = f"names {_name(declared)}" if declared else "names no transfer syntax"
        remarks.append(f"its header {said}, but its pixel data is {_name(found)}, and was read so: look at the mask")
        dataset.file_meta.TransferSyntaxUID = found
    return stream


_PLAIN = (
    *(uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian),
    uid.DeflatedExplicitVRLittleEndian,
)


def _name(syntax: uid.UID) -> str:
    return "an unknown transfer syntax" if syntax.name == syntax else syntax.name.split(" (")[0]


def _encoding(dataset: FileDataset) -> uid.UID:
    """Return the transfer syntax that the elements of the data set were found to be written in."""
    encoding = getattr(dataset, "original_encoding", None)  # pydicom 3
    implicit, little = encoding or (dataset.is_implicit_VR, dataset.is_little_endian)
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _unwrap(data: bytes, *, must_fit: bool) -> bytes | None:
    """Return the first frame of pixel data in items, ``None`` where there are none.

    Uncompressed pixels might begin like an item. So the items must end where the data end, if it `must_fit`.
    """
    if not data.startswith(_ITEM) or (must_fit and not _is_chain(data)):
        return None
    frames = split_frames(data)
    return frames[0] if frames else b""


def _is_chain(data: bytes) -> bool:
    at = 0
    while at + 8 <= len(data) and data[at : at + 4] == _ITEM:
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    return at == len(data) or data[at : at + 4] == _LAST


def _plain_length(dataset: FileDataset) -> int | None:
    """Return how many bytes the pixels would have uncompressed, ``None`` where the header does not say."""
    try:
        samples, bits = int(dataset.get("SamplesPerPixel") or 1), int(dataset.BitsAllocated)
        return int(dataset.Rows) * int(dataset.Columns) * samples * bits // 8
    except (AttributeError, TypeError, ValueError):
        return None


def _replace(dataset: FileDataset, data: bytes) -> None:
    dataset["PixelData"] = DataElement("PixelData", "OW", data, already_converted=True)
