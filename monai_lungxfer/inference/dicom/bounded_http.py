"""Answers of a server that are bounded in size and time while they arrive, and their parts (multipart/related)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_PIECE = 1 << 16
_HEADER = 1 << 16  # bytes that the header of a part may have
_LOOK = 0.25  # seconds between two looks at the clock


@dataclass(frozen=True)
class AnswerLimits:
    """What a server may send: bytes of JSON in one answer, bytes of files, and bytes and number of an answer's parts.

    All answers may take `seconds` together, from the first question or the last upload on. From `patience` seconds on,
    an answer must have brought `pace` bytes for each further second.
    """

    json: int = 16_000_000
    files: int = 20_000_000_000
    part: int = 600_000_000
    parts: int = 10_000
    seconds: float = 3600
    patience: float = 120
    pace: int = 1000


class AnswerTooLargeError(requests.RequestException):
    """An answer is longer, or has more parts, than `AnswerLimits` allow."""


class AnswerTooSlowError(requests.RequestException):
    """An answer takes longer than `AnswerLimits` allow."""


class BoundedAdapter(HTTPAdapter):
    """The transport of a session, which ends an answer that is too long or takes too long.

    A thread looks at the clock, and shuts the connections down: a timeout of the socket would begin anew with each
    byte. It ends when the session is closed.
    """

    def __init__(self, limits: AnswerLimits, **options: Any) -> None:
        self.limits = limits
        self.is_late = False
        self._received = 0
        self._started = self._asked = time.monotonic()
        self._is_download = False
        self._sockets: list[socket.socket] = []
        self._closed = threading.Event()
        super().__init__(**options)
        threading.Thread(target=self._watch, daemon=True).start()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of connections, which tells of the sockets that it opens."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = _tell_of_sockets(pool.ConnectionCls, self._sockets)
        return pool

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request; the answer raises what is wrong with its length or time when it is read."""
        self._received, self._asked = 0, time.monotonic()
        self._is_download = request.method == "GET"
        if not self._is_download:
            self._started = self._asked
        try:
            response = super().send(request, **options)
        except requests.RequestException:
            self.refuse_if_late()
            raise
        is_json = "json" in str(request.headers.get("Accept")) or not self._is_download
        response.raw = _BoundedBody(response.raw, self, self.limits.json if is_json else self.limits.files)
        return response

    def receive(self, count: int, most: int) -> None:
        """Count bytes that have arrived."""
        self._received += count
        if self._received > most:
            raise AnswerTooLargeError(f"an answer of more than {most / 1e6:.0f} MB")

    def close(self) -> None:
        """Close the connections and end the thread."""
        self._closed.set()
        super().close()

    def refuse_if_late(self) -> None:
        """Say why the connection was shut down."""
        if self.is_late:
            raise AnswerTooSlowError("the time is over") from None

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK):
            now = time.monotonic()
            owed = self.limits.pace * (now - self._asked - self.limits.patience)
            if now - self._started > self.limits.seconds or (self._is_download and self._received < owed):
                self.is_late = True
            for one in self._sockets if self.is_late else ():
                with suppress(OSError):  # it is closed
                    one.shutdown(socket.SHUT_RDWR)


class _BoundedBody:
    """The body of an answer, counted as it is read."""

    def __init__(self, raw: Any, adapter: BoundedAdapter, most: int) -> None:
        self._raw, self._adapter, self._most = raw, adapter, most

    def stream(self, amt: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield pieces, which are no larger than a few MB when they are unpacked."""
        if "," in self._raw.headers.get("Content-Encoding", ""):
            raise AnswerTooLargeError("an answer that is packed several times")
        try:
            for piece in self._raw.stream(min(amt, _PIECE), decode_content):
                self._adapter.receive(len(piece), self._most)
                yield piece
        finally:
            self._adapter.refuse_if_late()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _tell_of_sockets(base: type[Any], sockets: list[socket.socket]) -> type[Any]:
    class Connection(base):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)  # the connection forgets it when the server wants to close after the answer

    return Connection


def iter_parts(response: requests.Response, limits: AnswerLimits) -> Iterator[bytes]:
    """Yield the contents of the parts of an answer as they arrive.

    An answer that is one DICOM file, against the standard, is its only part. ValueError is raised for what is neither,
    requests' errors when the answer ends before its last boundary or exceeds the limits.
    """
    kind = Message()
    kind["Content-Type"] = response.headers.get("Content-Type", "")
    pieces = response.iter_content(_PIECE)
    if kind.get_content_type() == "application/dicom":
        yield _joined(pieces, limits.part)
        return
    boundary = kind.get_boundary()
    if kind.get_content_type() != "multipart/related" or not boundary:
        raise ValueError("no multipart answer")
    for number, part in enumerate(_between(pieces, b"\r\n--" + boundary.encode(), limits.part + _HEADER)):
        if number > limits.parts:
            raise AnswerTooLargeError(f"an answer of more than {limits.parts} parts")
        header, end, content = part.partition(b"\r\n\r\n")
        if number and len(header) <= _HEADER and end:  # the first is what stands before the first boundary
            yield content


def _joined(pieces: Iterator[bytes], most: int) -> bytes:
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > most:
            raise AnswerTooLargeError(f"a part of more than {most / 1e6:.0f} MB")
    return bytes(content)


def _between(pieces: Iterator[bytes], delimiter: bytes, most: int) -> Iterator[bytes]:
    """Yield what stands before each delimiter."""
    buffer = bytearray(b"\r\n")  # which need not stand before the first one
    for piece in pieces:
        start = max(0, len(buffer) - len(delimiter))
        buffer += piece
        while (end := buffer.find(delimiter, start)) >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + len(delimiter)]
            start = 0
        if len(buffer) > most:
            raise AnswerTooLargeError(f"a part of more than {most / 1e6:.0f} MB")
    if not buffer.startswith(b"--"):
        raise requests.exceptions.ChunkedEncodingError("no last boundary")
