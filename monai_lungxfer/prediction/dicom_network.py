"""Results to an archive by C-STORE, the DICOM network service of PS3.4, annex B."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from monai_lungxfer.errors import InputFileError, LungXferError, OutputError
from monai_lungxfer.prediction.dicom_extra import import_extra

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["send"]

_TIMEOUT = 30  # seconds for each answer
_WARNINGS = (0xB000, 0xB006, 0xB007)  # stored, with changes by the archive


def send(
    files: Sequence[str | Path], host: str, port: int, called_aet: str = "ANY-SCP", *, calling_aet: str = "LUNGXFER"
) -> None:
    """Store DICOM files in an archive, in one association, in the transfer syntaxes that they have.

    Parameters
    ----------
    files : sequence of str or pathlib.Path
        DICOM files.
    host, port : str, int
        Where the archive listens.
    called_aet, calling_aet : str
        Application entity titles of the archive and of the sender, up to 16 characters.

    Raises
    ------
    InputFileError
        When a file is no DICOM file.
    OutputError
        When the archive cannot be reached, refuses the association or a file. The files before it are stored.
    LungXferError
        When pynetdicom is not installed, or a title is not valid.
    """
    if not files:
        return
    archive = f"{host}:{port}"
    association = _associated(files, host, port, called_aet, calling_aet)
    try:
        for file in files:
            _store(association, file, archive)
    finally:
        association.release()


def _associated(files: Sequence[str | Path], host: str, port: int, called_aet: str, calling_aet: str) -> Association:
    pynetdicom = import_extra("pynetdicom")
    contexts = [
        pynetdicom.build_context(sop_class, syntax) for sop_class, syntax in dict.fromkeys(map(_context, files))
    ]
    try:
        entity = pynetdicom.AE(ae_title=calling_aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = _TIMEOUT
        association = entity.associate(host, port, contexts=contexts, ae_title=called_aet)
    except (TypeError, ValueError) as error:
        raise LungXferError(
            "the archive's address or a title is not valid", remedy="Titles have 1 to 16 ASCII characters"
        ) from error
    if not association.is_established:
        raise OutputError(
            "the archive refuses the association" if association.is_rejected else "the archive cannot be reached",
            source=f"{host}:{port}",
            remedy="Check host, port and titles, and that the archive knows this sender",
        )
    return association


def _context(file: str | Path) -> tuple[str, str]:
    """Return SOP class and transfer syntax."""
    try:
        meta = read_file_meta_info(file)
        return meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID
    except (OSError, InvalidDicomError, AttributeError) as error:
        raise InputFileError(
            f"cannot be read as a DICOM file ({type(error).__name__})", source=file, remedy="Give DICOM files only"
        ) from None


def _store(association: Association, file: str | Path, archive: str) -> None:
    try:
        status = association.send_c_store(pydicom.dcmread(file)).get("Status")
    except (ValueError, AttributeError, RuntimeError):
        # pynetdicom says so in three ways; their messages may quote the file.
        raise OutputError(
            f"{archive} does not take this kind of image or its transfer syntax, or ended the association", source=file
        ) from None
    if status is None:
        raise OutputError(f"{archive} did not answer", source=file, remedy="Try again")
    if status != 0 and status not in _WARNINGS:
        raise OutputError(
            f"{archive} refuses to store it (status {status:#06x})", source=file, remedy="Look into the archive's log"
        )
