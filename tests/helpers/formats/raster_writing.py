"""Writing MetaImage and NRRD files field by field, also such as no library would write."""

from __future__ import annotations

import gzip
import zlib

import numpy as np

__all__ = ["mha", "nrrd"]

_MET = {
    "i1": "CHAR",
    "u1": "UCHAR",
    "i2": "SHORT",
    "u2": "USHORT",
    "i4": "INT",
    "u4": "UINT",
    "i8": "LONG_LONG",
    "u8": "ULONG_LONG",
    "f4": "FLOAT",
    "f8": "DOUBLE",
}
_NRRD = {"i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32"}
_NRRD |= {"i8": "int64", "u8": "uint64", "f4": "float", "f8": "double"}


def mha(values: np.ndarray, *, channels: int = 1, pack: bool = False, **fields: str | None) -> bytes:
    """Return a file of values in the order of NumPy, the columns (or channels) last, without fields of ``None``."""
    data = values.tobytes()
    data = zlib.compress(data) if pack else data
    size = values.shape[::-1][channels > 1 :]
    header = {
        "ObjectType": "Image",
        "NDims": str(len(size)),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(values.dtype.byteorder == ">"),
        "CompressedData": str(pack),
        "CompressedDataSize": str(len(data)) if pack else None,
        "DimSize": " ".join(map(str, size)),
        "ElementNumberOfChannels": str(channels) if channels > 1 else None,
        "ElementType": f"MET_{_MET[values.dtype.str[1:]]}",
    }
    last = fields.pop("ElementDataFile", "LOCAL")
    header |= {**fields, "ElementDataFile": last}  # which ends the header
    lines = [f"{name} = {value}\n" for name, value in header.items() if value is not None]
    return "".join(lines).encode("latin-1") + data


def nrrd(values: np.ndarray, *lines: str, pack: bool = False, **fields: str | None) -> bytes:
    """Return a file of values in the order of NumPy, the columns (or channels) last, without fields of ``None``."""
    header = {
        "type": _NRRD[values.dtype.str[1:]],
        "dimension": str(values.ndim),
        "sizes": " ".join(map(str, values.shape[::-1])),
        "endian": {">": "big", "<": "little"}.get(values.dtype.byteorder, "little"),
        "encoding": "gzip" if pack else "raw",
    }
    header |= {name.replace("_", " "): value for name, value in fields.items()}
    text = [f"{name}: {value}" for name, value in header.items() if value is not None]
    data = gzip.compress(values.tobytes(), mtime=0) if pack else values.tobytes()
    return "\n".join(["NRRD0004", *text, *lines, "", ""]).encode("latin-1") + data
