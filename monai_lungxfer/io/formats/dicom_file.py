"""Reading a DICOM file without believing the lengths that stand in it."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from monai_lungxfer.io.formats.picture import check_bytes

_PIECE = 1 << 16
_PREAMBLE = 128  # bytes, behind which DICM stands
_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def read_dataset(path: Path, remarks: list[str] | None = None, **options: Any) -> FileDataset:
    """Read a file with ``pydicom.dcmread`` and its options, whether or not it has the preamble of PS3.10.

    Where the elements are written otherwise than the transfer syntax says (byte order, explicit or implicit VR,
    deflated or not), they are read as they are, and the remarks receive that. InputFileError is raised when it unpacks
    to more than `monai_lungxfer.io.formats.picture.MAX_BYTES`, and whatever pydicom raises for a malformed file.
    """
    with _File(path) as file:
        read_preamble(file, force=True)
        meta = _read_file_meta_info(file)
        declared = meta.get("TransferSyntaxUID")
        start = file.tell()
        found = _find_encoding(file.read(_PIECE))
        expected = declared if declared in _PLAIN else ExplicitVRLittleEndian
        is_bare = declared is None and found != DeflatedExplicitVRLittleEndian  # which pydicom finds out about
        if found is None or found == expected or is_bare:
            file.seek(0)
            return pydicom.dcmread(file, force=True, **options)
        file.seek(start)
        content = file.read()
        if found == DeflatedExplicitVRLittleEndian:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content)
    dataset = pydicom.dcmread(io.BytesIO(content), force=True, **options)  # which finds out how to read bare elements
    dataset.file_meta = meta
    if declared is None or declared in _PLAIN:
        meta.TransferSyntaxUID = found
        if remarks is not None:
            said = "no transfer syntax" if declared is None else declared.name
            remarks.append(f"its header names {said}, but it is written in {found.name}, and was read so")
    return dataset


def is_preamble(path: Path) -> bool:
    """Tell whether a file was cut within the preamble of PS3.10, which is 128 bytes of 0, and DICM."""
    with path.open("rb") as file:
        head = file.read(_PREAMBLE + 4)
    return 0 < len(head) < _PREAMBLE + 4 and not head[:_PREAMBLE].strip(b"\0") and b"DICM".startswith(head[_PREAMBLE:])


def _find_encoding(head: bytes) -> UID | None:
    """Return the transfer syntax of uncompressed files whose elements begin so, ``None`` when they are none."""
    group, explicit = head[:2], head[4:6].isalpha() and head[4:6].isupper()
    if group[:1] != b"\0" and group[1:] == b"\0":  # below 0100, as the first group of every file is
        return ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    if group[:1] == b"\0" and group[1:] != b"\0" and explicit:
        return ExplicitVRBigEndian
    try:
        unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, 8)
    except zlib.error:
        return None
    is_dataset = len(unpacked) == 8 and _find_encoding(unpacked) == ExplicitVRLittleEndian
    return DeflatedExplicitVRLittleEndian if is_dataset else None


class _File(io.BufferedReader):
    """A file of which `read` returns at most what is there, and the rest at once only if it unpacks to a fair size.

    pydicom passes on whatever length an element declares, for which memory would be set aside. It asks for the rest
    of a file only to unpack it: Deflated Explicit VR Little Endian (PS3.5, section A.5).
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._path = path
        self._end = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            rest = super().read()
            _check_unpacked(self._path, rest)
            return rest
        return super().read(max(0, min(size, self._end - self.tell())))


def _check_unpacked(path: Path, packed: bytes) -> None:
    unpacker, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        for start in range(0, len(packed), _PIECE):
            count += len(unpacker.decompress(packed[start : start + _PIECE]))  # 64 MB at most
            check_bytes(path, count)
    except zlib.error:
        return  # which pydicom will find as well
