"""How results get to a destination: C-STORE, STOW-RS, or files in a folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION, find_origin
from monai_lungxfer.inference.dicom.dicomweb_store import store_instances
from monai_lungxfer.inference.dicom.source import RefusedError, store_each
from monai_lungxfer.inference.dicom.store_scu import Archive, associate, read_context, store_file
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import derived_uid, read_uid
from monai_lungxfer.serving.dicom.association_server import client_context
from monai_lungxfer.serving.dicom.settings import (
    Destination,
    DicomDestination,
    DicomwebDestination,
    FolderDestination,
    Poll,
)
from monai_lungxfer.serving.dicom.spool import flush_folder
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path

if TYPE_CHECKING:
    from pynetdicom.association import Association

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_STRICT_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class Transport(Protocol):
    """A way to one destination. One thread at a time uses it."""

    def send(self, files: Sequence[Path]) -> None:
        """Deliver the results of a radiograph.

        What the destination has already is not doubled there, since its UIDs are the same. RefusedError is raised when
        the destination does not take a file, any other OutputError when it cannot be reached.
        """

    def rest(self) -> None:
        """Give back what is kept open between deliveries."""


def find_transport(destination: Destination, own_title: str, poll: Poll | None = None) -> Transport:
    """Return the way to a destination; `own_title` is the node's application entity title, `poll` what it polls."""
    if isinstance(destination, DicomDestination):
        return StoreTransport(destination, own_title)
    if isinstance(destination, DicomwebDestination):
        return WebTransport(destination, find_authorization(destination, poll))
    return FolderTransport(destination)


def find_authorization(destination: DicomwebDestination, poll: Poll | None) -> str | None:
    """Return the environment variable with the credentials for a destination: those of the poll for its server alone.

    Another server must not see them.
    """
    if destination.authorization or poll is None or find_origin(destination.url) != find_origin(poll.url):
        return destination.authorization
    return AUTHORIZATION


class StoreTransport:
    """C-STORE, over one association that stays open while results follow one another.

    Parameters
    ----------
    destination : DicomDestination
        The archive.
    own_title : str
        Application entity title of the node.
    """

    def __init__(self, destination: DicomDestination, own_title: str) -> None:
        self._archive = Archive(destination.host, destination.port, destination.ae_title, own_title)
        self._timeout = destination.timeout_seconds
        self._tls = None if destination.tls is None else (client_context(destination.tls), destination.host)
        self._association: Association | None = None
        self._contexts: dict[tuple[str, str], None] = {}

    def send(self, files: Sequence[Path]) -> None:
        """Deliver files; an association that the archive has ended meanwhile is opened anew, once."""
        contexts = dict.fromkeys(map(read_context, files))
        was_open = self._is_open(contexts)
        try:
            self._send(files, contexts)
        except RefusedError:
            raise
        except OutputError:
            if not was_open:
                raise
            self._send(files, contexts)

    def _send(self, files: Sequence[Path], contexts: dict[tuple[str, str], None]) -> None:
        if not self._is_open(contexts) or self._association is None:
            self.rest()
            self._contexts |= contexts
            self._association = associate(self._archive, self._contexts, timeout=self._timeout, tls=self._tls)
        try:
            store_each(files, str(self._archive), partial(store_file, self._association, self._archive))
        except RefusedError:
            raise
        except OutputError:
            self._association.abort()
            self._association = None
            raise

    def _is_open(self, contexts: dict[tuple[str, str], None]) -> bool:
        known = contexts.keys() <= self._contexts.keys()
        return known and self._association is not None and self._association.is_established

    def rest(self) -> None:
        """Release the association."""
        association, self._association = self._association, None
        if association is not None and association.is_established:
            association.release()


class WebTransport:
    """STOW-RS.

    Parameters
    ----------
    destination : DicomwebDestination
        The archive.
    authorization : str, optional
        Environment variable with the credentials.
    """

    def __init__(self, destination: DicomwebDestination, authorization: str | None = None) -> None:
        self._destination, self._authorization = destination, authorization

    def send(self, files: Sequence[Path]) -> None:
        """Deliver files."""
        timeout = self._destination.timeout_seconds
        store_instances(
            self._destination.url,
            files,
            authorization=self._authorization,
            timeout=(min(10, timeout), timeout),
        )

    def rest(self) -> None:
        """Do nothing: no connection is kept."""


class FolderTransport:
    """Files in a folder, ``STUDY/SERIES/INSTANCE.dcm``.

    Parameters
    ----------
    destination : FolderDestination
        The folder.
    """

    def __init__(self, destination: FolderDestination) -> None:
        self._folder = destination.folder.expanduser().absolute()

    def send(self, files: Sequence[Path]) -> None:
        """Deliver files; one of that name is replaced."""
        for file in files:
            header = read_dataset(file, stop_before_pixels=True, specific_tags=list(_UIDS))
            study, series, instance = (_name(read_uid(header, keyword)) for keyword in _UIDS)
            folder = self._folder / study / series
            with atomic_path(folder / f"{instance}.dcm") as temporary:
                shutil.copyfile(file, temporary)
            for made in (folder, folder.parent, self._folder):
                with suppress(OutputError):  # some network drives cannot
                    flush_folder(made)

    def rest(self) -> None:
        """Do nothing: nothing is kept open."""


def _name(uid: str) -> str:
    """Return a name for a folder that stays where it is made; the study's UID is the sender's."""
    return uid if _STRICT_UID.fullmatch(uid) else derived_uid("folder", uid)
