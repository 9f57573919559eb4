"""The Storage SCP of a DICOM node: takes radiographs by C-STORE (PS3.4, annex B), and answers C-ECHO."""

from __future__ import annotations

import logging
import threading
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.events import Event

from monai_lungxfer.inference.dicom.source import PROJECTIONS
from monai_lungxfer.serving.dicom.arrivals import Intake
from monai_lungxfer.serving.dicom.association_server import LONGEST_PDU, BoundedLine, NodeServer, server_context
from monai_lungxfer.serving.dicom.settings import Listener
from monai_lungxfer.serving.dicom.spool import SpoolFullError
from monai_lungxfer.utils.errors import LungXferError, OutputError

logger = logging.getLogger(__name__)

COMPANIONS = (  # of radiographs in a study, which routers send along; they get a row and nothing else
    *("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.11.1"),  # SEG, GSPS
    *(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33, 34, 59, 67)),  # SR, key objects, dose
    *("1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.4"),  # PDF, cines
)
"""Storage SOP classes that are taken although no radiograph is of them."""

TRANSFER_SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"),
    *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)),
    *("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"),
)
"""Explicit and implicit little endian, big endian, deflated; JPEG, JPEG-LS, JPEG 2000, RLE, HTJ2K: kept as sent."""

SUCCESS, OUT_OF_RESOURCES, FAILURE = 0x0000, 0xA700, 0x0110
"""Statuses of PS3.4, B.2.3, and PS3.7, C.5.9 (processing failure)."""

_VERIFICATION = "1.2.840.10008.1.1"  # C-ECHO
_IDLE = 60  # seconds after which a silent association is ended


class Receiver:
    """Listens for senders. A radiograph is answered with success when it is on the disk and in the journal.

    Where no space is left, or too many wait, the status is 0xA700 (out of resources), on which senders try again.

    Parameters
    ----------
    settings : Listener
        Where to listen, and whom to.
    intake : Intake
        What takes the radiographs.
    """

    def __init__(self, settings: Listener, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._server: NodeServer | None = None
        self._lines: dict[int, BoundedLine] = {}

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._settings.port if self._server is None else int(self._server.server_address[1])

    @property
    def is_listening(self) -> bool:
        """Whether senders are listened to."""
        return self._server is not None and self._thread.is_alive()

    @property
    def associations(self) -> int:
        """The number of senders that are connected."""
        return 0 if self._server is None else len(self._server.active_associations)

    def start(self) -> None:
        """Begin to listen; LungXferError is raised when the port cannot be had, or the certificates not used."""
        settings = self._settings
        _config.LOG_HANDLER_LEVEL = "none"  # it takes time for each unit, and quotes what senders say
        context = None if settings.tls is None else server_context(settings.tls)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_CONN_OPEN, self._open),
            (evt.EVT_CONN_CLOSE, lambda event: self._lines.pop(id(event.assoc), None)),
            (evt.EVT_DIMSE_RECV, self._complete),
        ]
        try:
            server: Any = _entity(settings).make_server(
                (settings.host, settings.port), ssl_context=context, evt_handlers=handlers, server_class=NodeServer
            )
        except OSError as error:
            raise LungXferError(
                f"the port cannot be listened on ({error.strerror})",
                source=f"{settings.host}:{settings.port}",
                remedy="Choose another host or port in [listen], or end the program that has it",
            ) from None
        server.addresses = settings.addresses
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="receiver", daemon=True)
        self._thread.start()
        logger.info("listening for senders on %s:%d as %s", settings.host, self.port, settings.ae_title)

    def stop(self) -> None:
        """Take no more senders, and end the associations; what was not answered is sent again."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            for association in server.active_associations:
                association.abort()

    def _open(self, event: Event) -> None:
        connection: Any = event.assoc.dul.socket
        line = self._lines[id(event.assoc)] = BoundedLine(connection.socket)
        connection.recv = line.read

    def _complete(self, event: Event) -> None:
        line = self._lines.get(id(event.assoc))
        if line is not None:
            line.begin_message()

    def _store(self, event: Event) -> int:
        try:
            self._intake.take_bytes(event.encoded_dataset(), "store")
        except SpoolFullError as error:
            logger.warning("a radiograph was refused, for the sender to try again: %s", error.problem)
            return OUT_OF_RESOURCES
        except OutputError as error:
            logger.error("a radiograph was refused, for the sender to try again: %s", error.problem)
            return OUT_OF_RESOURCES
        except Exception as error:  # noqa: BLE001 - pynetdicom would log it with what it quotes
            logger.error("a radiograph was refused (%s)", type(error).__name__)
            return FAILURE
        return SUCCESS


def _entity(settings: Listener) -> AE:
    entity = AE(ae_title=settings.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.callers)
    entity.maximum_associations = settings.most_associations
    entity.maximum_pdu_size = LONGEST_PDU
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _IDLE
    entity.add_supported_context(_VERIFICATION)
    for sop_class in (*PROJECTIONS, *COMPANIONS):
        entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    return entity
