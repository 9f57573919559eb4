"""A DICOMweb server on this machine that answers as it is told, also as no server should."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydicom.dataset import Dataset

BOUNDARY = "parts"

Write = Callable[[BaseHTTPRequestHandler], None]
"""What writes an answer, from its status line on."""


def as_bytes(image: Dataset) -> bytes:
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def multipart(*contents: bytes, end: bytes = b"--\r\n") -> bytes:
    parts = [b"\r\n--%s\r\nContent-Type: application/dicom\r\n\r\n%s" % (BOUNDARY.encode(), one) for one in contents]
    return b"".join([*parts, b"\r\n--", BOUNDARY.encode(), end])[2:]


def answer(body: bytes, kind: str = f"multipart/related; boundary={BOUNDARY}", **headers: str) -> Write:
    """Answer with a body, whole and at once."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def series(*uids: str) -> Write:
    """Answer that a study has these series of radiographs."""
    found = [{"0020000E": {"vr": "UI", "Value": [uid]}, "00080060": {"vr": "CS", "Value": ["DX"]}} for uid in uids]
    return answer(json.dumps(found).encode(), "application/dicom+json")


def endless(head: bytes, piece: bytes, pause: float = 0) -> Write:
    """Answer with a piece again and again, until the client has enough."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):
            handler.wfile.write(head)
            while True:
                handler.wfile.write(piece)
                handler.wfile.flush()
                time.sleep(pause)

    return write


@contextlib.contextmanager
def answering(search: Write, retrieve: Write) -> Iterator[str]:
    """Serve while the block runs; gives the URL of the service."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):  # the client has enough
                (search if "/series?" in self.path else retrieve)(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            retrieve(self)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
