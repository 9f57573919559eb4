"""Whether archives answer: C-ECHO with the kinds of results that they shall take, or a query of DICOMweb."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Sequence
from types import MappingProxyType

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION, connect, explained_answers
from monai_lungxfer.inference.dicom.source import UnreachedError
from monai_lungxfer.inference.dicom.store_scu import Archive, associate
from monai_lungxfer.serving.dicom.association_server import client_context
from monai_lungxfer.serving.dicom.settings import DicomDestination, DicomwebDestination, Kind, Poll
from monai_lungxfer.serving.dicom.transports import find_authorization
from monai_lungxfer.utils.errors import DownloadError, LungXferError, OutputError

_PATIENCE = 2  # seconds

VERIFICATION = "1.2.840.10008.1.1"
STORAGE = MappingProxyType(
    {
        "segmentation": ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
        "overlay": ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
        "report": ("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR Storage"),
        "presentation": ("1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State Storage"),
    }
)
"""SOP class and its name, of each kind of results (PS3.4, B.5)."""


def check_archive(archive: DicomDestination, own_title: str, kinds: Sequence[Kind]) -> str:
    """Return what an archive answered; OutputError is raised when it would not take the results.

    Nothing is stored: it is asked by C-ECHO, in an association that offers the kinds of results.
    """
    taken = echo(archive, own_title, [STORAGE[kind][0] for kind in kinds])
    refused = [STORAGE[kind][1] for kind in kinds if STORAGE[kind][0] not in taken]
    if refused:
        raise OutputError(
            f"answers, but does not take {', '.join(refused)}",
            remedy="Allow this in the archive, or leave it out of kinds in [results]",
        )
    return f"answers C-ECHO as {archive.ae_title}, and takes {', '.join(kinds)}"


def echo(archive: DicomDestination, own_title: str, classes: Sequence[str] = ()) -> set[str]:
    """Ask an archive by C-ECHO, and return the SOP classes that it takes.

    OutputError is raised when it does not answer.
    """
    tls = None if archive.tls is None else (client_context(archive.tls), archive.host)
    wanted = [
        (uid, syntax) for uid in (VERIFICATION, *classes) for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    ]
    place = Archive(archive.host, archive.port, archive.ae_title, own_title)
    try:
        association = associate(place, wanted, timeout=archive.timeout_seconds, tls=tls)
    except UnreachedError:
        if tls is not None:
            _try_tls(archive, tls[0])
        raise
    try:
        status = association.send_c_echo().get("Status")
    except (RuntimeError, ValueError):
        status = None
    finally:
        association.release()
    if status != 0:
        raise OutputError("the archive does not answer C-ECHO", remedy="Look into the archive's log")
    return {str(context.abstract_syntax) for context in association.accepted_contexts}


def _try_tls(archive: DicomDestination, context: ssl.SSLContext) -> None:
    """Raise OutputError with what is wrong when an archive is there and TLS fails."""
    try:
        with (
            socket.create_connection((archive.host, archive.port), archive.timeout_seconds) as line,
            context.wrap_socket(line, server_hostname=archive.host) as secure,
        ):
            secure.settimeout(_PATIENCE)
            secure.recv(1)  # by TLS 1.3, a refusal comes after the handshake
    except ssl.SSLCertVerificationError as error:
        raise OutputError(
            f"shows a certificate that is not accepted ({error.verify_message})",
            remedy="Check the archive's certificate, and authority in the settings, which must have signed it",
        ) from None
    except ssl.SSLError as error:
        raise OutputError(
            f"does not agree on TLS ({error.reason})",
            remedy="Check that the archive speaks TLS on this port, and accepts the node's certificate",
        ) from None
    except OSError:
        return


def check_server(server: DicomwebDestination, poll: Poll | None = None) -> str:
    """Return what a DICOMweb server answered; an error of this package is raised when it does not."""
    if server.authorization is not None and not os.environ.get(server.authorization):
        raise LungXferError(
            f"the environment variable {server.authorization} is not set",
            remedy="Set it to the value of the header Authorization, such as 'Bearer …'",
        )
    return _query(server.url, find_authorization(server, poll), most_redirects=0)  # as results are sent


def check_poll(poll: Poll) -> str:
    """Return what the polled server answered; an error of this package is raised when it does not."""
    return _query(poll.url, AUTHORIZATION)


def _query(url: str, authorization: str | None, most_redirects: int = 5) -> str:
    """Ask for one study, by QIDO-RS."""
    with connect(url, authorization=authorization) as (client, session):
        session.max_redirects = most_redirects
        client.set_http_retry_params(retry=False)
        with explained_answers(url, DownloadError, authorization):
            found = client.search_for_studies(limit=1)
    return f"answers QIDO-RS{'' if found else ', and has no study yet'}"
