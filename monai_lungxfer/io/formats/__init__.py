"""One module for each family of file formats; this one finds which of them reads a file, by its content."""

from __future__ import annotations

import gzip
import os
import stat
import textwrap
import zlib
from pathlib import Path
from typing import Any

from monai_lungxfer.io.formats import jpeg_2000, meta_image, nifti, nrrd, pillow
from monai_lungxfer.io.formats.picture import Picture, check_bytes
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.io.formats.unread import name_unread_format
from monai_lungxfer.utils.error_redaction import withhold_texts, without_quotes
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.memory import is_out_of_memory, too_large

_HEAD = 348  # as long as the header of NIfTI-1, the longest that is needed

_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_LONGEST_REASON = 200
_RUST = "pyo3_runtime"  # whose PanicException, here of pylibjpeg-rle, is no Exception
_COPY = "Copy it again from its source, or export it anew"
_REMEDY = "Give a radiograph as PNG, JPEG, TIFF, NIfTI or DICOM"
_FAMILIES: dict[str, Any] = {"jpeg2000": jpeg_2000, "nifti": nifti, "nrrd": nrrd, "metaimage": meta_image}


def decode(path: Path, *, frontal_only: bool = False) -> tuple[str, Picture]:
    """Find out a file's format by how it begins, whatever its name says, and decode it.

    The format is one of `detect_format`; a file of none of them is refused. `frontal_only` refuses DICOM files that are
    no frontal chest radiographs by their header. InputFileError is raised whatever is wrong with the file: no other
    exception comes out.
    """
    try:
        with quiet():
            if not path.exists():
                raise InputFileError("does not exist", source=path, remedy="Check the path")
            name = detect_format(path)
            if name == "dicom":
                from monai_lungxfer.io.formats import dicom  # with pydicom, which takes a while to import

                return name, dicom.decode(path, frontal_only=frontal_only)
            check_bytes(path, path.stat().st_size)
            if name is None:
                raise _unknown(path)
            return name, _FAMILIES.get(name, pillow).decode(path)
    except InputFileError as error:
        withhold_texts(error.__cause__)
        raise
    except BaseException as error:  # four libraries decode bad bytes here, and each raises what it stumbles over
        if is_out_of_memory(error):
            raise too_large(path) from None
        if not isinstance(error, Exception) and type(error).__module__ != _RUST:
            raise
        reason = _reason(error, path)
        withhold_texts(error)
        raise InputFileError(f"cannot be read ({reason})", source=path, remedy=_COPY) from error


def detect_format(path: Path) -> str | None:
    """Return a file's format by how it begins, ``None`` when it is not one of those that are known so.

    These are ``"dicom"``, ``"png"``, ``"jpeg"``, ``"tiff"``, ``"webp"``, ``"gif"``, ``"bmp"``, ``"jpeg2000"``,
    ``"nifti"``, ``"metaimage"`` and ``"nrrd"``.
    InputFileError is raised when the file is empty, or none, and OSError when it cannot be opened.
    """
    check_is_file(path)
    head = _head(path)
    looks = (recognise_dicom, *(family.recognise for family in (pillow, jpeg_2000, nifti, nrrd, meta_image)))
    return next((name for look in looks if (name := look(head)) is not None), None)


def recognise_dicom(head: bytes) -> str | None:
    """Return ``"dicom"`` when the file has the DICM prefix of PS3.10, or begins with group 0002 or 0008 as older do."""
    is_bare = head[:2] in _FIRST_GROUPS and head[3:4] == b"\0"  # their first elements have numbers below 0100
    return "dicom" if head[128:132] == b"DICM" or is_bare else None


def check_is_file(path: Path) -> None:
    """Refuse a folder, and a pipe, socket or device, whose content might be waited for in vain."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputFileError("is a folder, not a file", source=path, remedy="Give the files in it")
    if not stat.S_ISREG(mode):
        raise InputFileError(
            "is a pipe, a socket or a device, not a file", source=path, remedy="Save what it holds to a file"
        )


def _unknown(path: Path) -> InputFileError:
    unread = name_unread_format(path)
    unknown = "its content is not an image of a known format"
    problem = unknown if unread is None else f"is in {unread} format, which is not read"
    return InputFileError(problem, source=path, remedy=_REMEDY)


def _reason(error: BaseException, path: Path) -> str:
    """Return what a library says, without quotes from the file, or only its exception's name where it tells the path.

    Messages stand in tables, logs and answers to requests, which know the file by what they may tell of it.
    """
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    folders = {str(one) for one in (path.absolute().parent, path.resolve().parent)} - {path.absolute().anchor}
    as_given = f"{path.parent}{os.sep}"
    if as_given in text or any(folder in text for folder in folders):
        return type(error).__name__
    return textwrap.shorten(without_quotes(text).rstrip("."), _LONGEST_REASON)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise InputFileError("is empty (0 bytes)", source=path, remedy="Copy it again from its source")
        if not head.startswith(nifti.GZIP_MAGIC):
            return head
        file.seek(0)
        try:
            inner = gzip.GzipFile(fileobj=file).read(_HEAD)
        except (OSError, EOFError, zlib.error):
            return b""
    return inner if nifti.recognise(inner) else b""  # no other format is read through gzip
