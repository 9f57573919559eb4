"""Connections to the Storage SCP: from allowed addresses alone, and none that can hold a place by being slow."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from socketserver import BaseServer
from typing import Any, cast

from pynetdicom.transport import ThreadedAssociationServer

from monai_lungxfer.serving.dicom.settings import Tls
from monai_lungxfer.utils.errors import LungXferError

logger = logging.getLogger(__name__)

LONGEST_PDU = 1 << 18
"""Bytes that a sender is asked to put into one protocol data unit at most."""

_MOST_BYTES = 600_000_000  # of one radiograph, as for the reader
_SECONDS_FOR_UNIT, _SECONDS_FOR_MESSAGE = 30, 600


class NodeServer(ThreadedAssociationServer):
    """A server that closes connections from other addresses, and looks after the others by `BoundedLine`.

    pynetdicom leaves the sockets that it accepts without a timeout, and does the handshake of TLS where it accepts
    them, so that one silent sender would keep all others out.
    """

    addresses: Sequence[IPv4Network | IPv6Network] = ()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return a connection that was asked for; its handshake, if any, is done when it is first read."""
        connection, address = cast("socket.socket", self.socket).accept()
        connection.settimeout(_SECONDS_FOR_UNIT)
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def shutdown(self) -> None:
        """Take no more connections."""
        BaseServer.shutdown(self)
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the signature of socketserver
        """Tell whether a connection is from an allowed address."""
        address = ip_address(str(client_address[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return not self.addresses or any(mapped in network for network in self.addresses)


class BoundedLine:
    """Reads from one connection what pynetdicom asks for, within limits of size and time.

    A unit must arrive within 30 seconds, and a whole message within 600, however steadily its bytes drip in. OSError,
    which is what pynetdicom expects of a lost connection, is raised otherwise.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.begin_message()

    def begin_message(self) -> None:
        """Start to count anew, when a message is complete."""
        self._received, self._started = 0, 0.0

    def read(self, count: int) -> bytearray:
        """Return so many bytes, or fewer where the connection ends."""
        now = time.monotonic()
        self._started = self._started or now
        self._received += count
        if count > 2 * LONGEST_PDU or self._received > _MOST_BYTES:
            raise OSError("more than a radiograph")
        if now - self._started > _SECONDS_FOR_MESSAGE:
            raise TimeoutError("too slow")
        buffer, position, end = bytearray(count), 0, now + _SECONDS_FOR_UNIT
        while position < count:
            if time.monotonic() > end:
                raise TimeoutError("too slow")
            try:
                got = self._connection.recv_into(memoryview(buffer)[position:])
            except ssl.SSLError as error:
                if not isinstance(error, ssl.SSLEOFError):  # as of whoever looks whether the port is open
                    logger.warning("a sender could not connect by TLS (%s)", error.reason)
                raise
            if not got:
                break
            position += got
        return buffer[:position]


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return what a server needs to speak TLS with senders whose certificates the authority has signed."""
    return _context(ssl.Purpose.CLIENT_AUTH, tls)


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return what a sender needs to speak TLS with servers whose certificates the authority has signed."""
    return _context(ssl.Purpose.SERVER_AUTH, tls)


def _context(purpose: ssl.Purpose, tls: Tls) -> ssl.SSLContext:
    for name, file in tls:
        try:
            file.open("rb").close()
        except OSError as error:
            raise LungXferError(
                f"its {name} cannot be read ({error.strerror})",
                source=file,
                remedy=f"Check {name} in the settings, and who may read that file",
            ) from None
    try:
        context = ssl.create_default_context(purpose, cafile=str(tls.authority))
        context.load_cert_chain(str(tls.certificate), str(tls.key), password="")  # which OpenSSL would ask for
    except (OSError, ValueError) as error:
        raise LungXferError(
            f"the certificates cannot be used ({getattr(error, 'reason', None) or type(error).__name__})",
            source=tls.certificate,
            remedy="Give PEM files, a key that belongs to the certificate, and no password on it",
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED
    return context
