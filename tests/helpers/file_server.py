"""A web server on this machine that serves one file, with the misbehaviours of real servers on request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What the server sends, and a record of what it was asked for.

    Attributes
    ----------
    content, etag, last_modified
        The file and its validators; a validator that is ``None`` is not sent.
    ranges
        Whether Range is honoured.
    honours_if_range
        Whether If-Range is compared; a sloppy server sends the rest of whatever the file is now.
    statuses
        Answers for the first requests, before the file is served.
    cut_after
        For each of the next bodies, the number of bytes after which the connection is cut.
    stall_after
        Send this many bytes of each body, then nothing until the server is closed.
    """

    content: bytes
    etag: str | None = '"one"'
    last_modified: str | None = None
    ranges: bool = True
    honours_if_range: bool = True
    statuses: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    changes_to: tuple[bytes, str] | None = None
    stall_after: int | None = None
    url: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def asked_ranges(self) -> list[str | None]:
        return [request.get("Range") for request in self.requests]


@contextmanager
def serving(content: bytes, **behaviour) -> Iterator[FileServer]:
    """Serve a file at ``FileServer.url`` while the block runs."""
    served = FileServer(content, **behaviour)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    served.url = f"http://127.0.0.1:{server.server_port}/weights.bin"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(served: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            served.requests.append(dict(self.headers))
            if served.statuses:
                self.send_error(served.statuses.pop(0))
                return
            start = self.requested_start()
            if start is not None and start >= len(served.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(served.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_head(start)
            self.send_body(served.content[start or 0 :])

        def requested_start(self) -> int | None:
            asked = self.headers.get("Range")
            known = self.headers.get("If-Range")
            if asked is None or not served.ranges:
                return None
            if served.honours_if_range and known not in (None, served.etag, served.last_modified):
                return None
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def send_head(self, start: int | None) -> None:
            size = len(served.content)
            self.send_response(200 if start is None else 206)
            self.send_header("Content-Length", str(size - (start or 0)))
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            for name, value in (("ETag", served.etag), ("Last-Modified", served.last_modified)):
                if value:
                    self.send_header(name, value)
            self.end_headers()

        def send_body(self, body: bytes) -> None:
            if served.stall_after is not None:
                self.wfile.write(body[: served.stall_after])
                self.wfile.flush()
                served.closing.wait(timeout=30)
                return
            if served.cut_after:
                body = body[: served.cut_after.pop(0)]
                self.wfile.write(body)
                if served.changes_to:
                    served.content, served.etag = served.changes_to
                return  # HTTP/1.0: the connection closes
            self.wfile.write(body)

    return Handler
