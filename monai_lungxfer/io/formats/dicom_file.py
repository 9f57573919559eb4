"""Reading a DICOM file without believing the lengths that stand in it."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset

from monai_lungxfer.io.formats.picture import check_bytes

_PIECE = 1 << 16


def read_dataset(path: Path, **options: Any) -> FileDataset:
    """Read a file with ``pydicom.dcmread`` and its options, whether or not it has the preamble of PS3.10.

    InputFileError is raised when it unpacks to more than `monai_lungxfer.io.formats.picture.MAX_BYTES`, and whatever
    pydicom raises for a malformed file.
    """
    with _File(path) as file:
        return pydicom.dcmread(file, force=True, **options)


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
