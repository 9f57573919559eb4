"""Results to an archive by C-STORE, the DICOM network service of PS3.4, annex B."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from monai_lungxfer.inference.dicom.source import UnreachedError, store_each
from monai_lungxfer.utils.errors import InputFileError, LungXferError, OutputError
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    import ssl

    from pynetdicom.association import Association

OWN_TITLE = "LUNGXFER"
"""Application entity title of the sender, unless it is given another."""

_TIMEOUT = 30  # seconds for each answer
_STORED = (0x0000, 0xB000, 0xB006, 0xB007, 0x0111)  # also with changes by the archive, and before
_TITLE = re.compile(r"(?=.*[^ ])[ -\[\]-~]{1,16}")  # VR AE of PS3.5, 6.2: ASCII without backslash, not blank


@dataclass(frozen=True)
class Archive:
    """Where an archive listens, and under which names it and the sender speak.

    Attributes
    ----------
    host, port : str, int
        Of the archive.
    title, own_title : str
        Application entity titles of the archive and of the sender, 1 to 16 ASCII characters. Many archives answer only
        those that call them by their title, and take files only from senders that they know.

    Raises
    ------
    LungXferError
        When a title is not valid.
    """

    host: str
    port: int
    title: str = "ANY-SCP"
    own_title: str = OWN_TITLE

    def __post_init__(self) -> None:
        for title in (self.title, self.own_title):
            if not _TITLE.fullmatch(title):
                raise LungXferError(
                    f"{title!r} is not an application entity title",
                    remedy="Titles have 1 to 16 ASCII characters, not all blank, and no backslash",
                )

    @classmethod
    def at(cls, address: str, own_title: str = OWN_TITLE) -> Archive:
        """Read an address, ``TITLE@HOST:PORT`` or ``HOST:PORT``.

        Raises
        ------
        LungXferError
            When it is none, or a title is not valid.

        Examples
        --------
        >>> Archive.at("ORTHANC@127.0.0.1:4242")
        Archive(host='127.0.0.1', port=4242, title='ORTHANC', own_title='LUNGXFER')
        """
        title, at, place = address.rpartition("@")
        try:
            parts = urlsplit(f"//{place}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or not port or parts.netloc != place:
            raise LungXferError(
                f"{address!r} is not an address of an archive",
                remedy="Give one as ORTHANC@127.0.0.1:4242 (TITLE@HOST:PORT)",
            )
        return cls(host, port, title if at else cls.title, own_title)

    def __str__(self) -> str:
        """Return the address as it stands in messages."""
        return f"{self.host}:{self.port}"


def send(files: Sequence[str | Path], archive: Archive) -> None:
    """Store DICOM files in an archive, in one association, in the transfer syntaxes that they have.

    Parameters
    ----------
    files : sequence of str or pathlib.Path
        DICOM files.
    archive : Archive
        Where to.

    Raises
    ------
    InputFileError
        When a file is no DICOM file. Nothing is stored.
    OutputError
        When the archive cannot be reached, refuses the association, or ends it: the files before the named one are
        stored. When it refuses single files: all others are stored.
    LungXferError
        When pynetdicom is not installed.
    """
    if not files:
        return
    association = _associate(files, archive)
    try:
        store_each(files, str(archive), partial(store_file, association, archive))
    finally:
        association.release()


def _associate(files: Sequence[str | Path], archive: Archive) -> Association:
    return associate(archive, dict.fromkeys(map(read_context, files)))


def associate(
    archive: Archive,
    wanted: Iterable[tuple[str, str]],
    *,
    timeout: float = _TIMEOUT,
    tls: tuple[ssl.SSLContext, str] | None = None,
) -> Association:
    """Open an association with an archive, for `store_file`; whoever opens it releases it.

    Parameters
    ----------
    archive : Archive
        With whom.
    wanted : iterable of (str, str)
        SOP classes and transfer syntaxes of the files to come.
    timeout : float
        Seconds for each answer.
    tls : tuple of (ssl.SSLContext, str), optional
        Context and host name, to speak TLS.

    Raises
    ------
    UnreachedError
        When the archive cannot be reached, or refuses the association.
    OutputError
        When it refuses all that is wanted.
    LungXferError
        When pynetdicom is not installed.
    """
    pynetdicom = import_extra("pynetdicom")
    contexts = [pynetdicom.build_context(sop_class, syntax) for sop_class, syntax in wanted]
    entity = pynetdicom.AE(ae_title=archive.own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = timeout
    association = entity.associate(archive.host, archive.port, contexts=contexts, ae_title=archive.title, tls_args=tls)
    if association.is_established:
        _reserve_answers(association)
        _limit_sending(association, timeout)
        return association
    if association.is_rejected:
        raise UnreachedError(
            f"the archive refuses the association ({association.acceptor.primitive.reason_str})",
            source=str(archive),
            remedy=f"Check that its title is {archive.title!r} and that it knows the sender {archive.own_title!r}",
        )
    if association.rejected_contexts:
        raise OutputError(
            "the archive takes no files of these kinds and transfer syntaxes",
            source=str(archive),
            remedy="Allow in its settings what is sent: Segmentation, Secondary Capture, SR, Presentation State",
        )
    raise UnreachedError(
        "the archive cannot be reached", source=str(archive), remedy="Check host and port, and that the archive runs"
    )


def _reserve_answers(association: Any) -> None:
    """Leave answers to who waits for them.

    pynetdicom 3.0 looks for messages of the peer in a thread of its own, which on a busy machine now and then takes an
    answer that `send_c_store` waits for, until it times out. That thread does not wait for messages.
    """
    find = association.dimse.get_msg
    association.dimse.get_msg = lambda block=False: find(block) if block else (None, None)


def _limit_sending(association: Any, timeout: float) -> None:
    """Let an archive that reads no longer end the association, for which pynetdicom 3.0 would wait for ever."""
    line = association.dul.socket
    if line is not None and line.socket is not None:
        line.socket.settimeout(timeout)


def read_context(file: str | Path) -> tuple[str, str]:
    """Return SOP class and transfer syntax of a file; InputFileError is raised when it is no DICOM file."""
    try:
        meta = read_file_meta_info(file)
        return meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID
    except (OSError, InvalidDicomError, AttributeError) as error:
        raise InputFileError(
            f"cannot be read as a DICOM file ({type(error).__name__})", source=file, remedy="Give DICOM files only"
        ) from None


def store_file(association: Association, archive: Archive, file: str | Path) -> str | None:
    """Return why the archive refuses a file, or nothing when it is stored.

    OutputError is raised when the archive does not answer, or ends the association.
    """
    try:
        status = association.send_c_store(pydicom.dcmread(file)).get("Status")
    except (ValueError, AttributeError):  # their messages may quote the file
        return "it does not take this kind of image or its transfer syntax"
    except RuntimeError:
        raise OutputError(f"{archive} ended the association", source=file, remedy="Try again") from None
    if status is None:
        raise OutputError(f"{archive} did not answer", source=file, remedy="Try again")
    return None if status in _STORED else f"status {status:#06x}"
