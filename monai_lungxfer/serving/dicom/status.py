"""The status server of a DICOM node: `/healthz`, `/metrics` and a page to look at, all of them read-only."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import logging
import re
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from monai_lungxfer.serving.dicom.health import NodeView, is_healthy
from monai_lungxfer.serving.dicom.metrics import make_registry
from monai_lungxfer.serving.dicom.settings import Status
from monai_lungxfer.serving.dicom.status_page import STYLE, render_status
from monai_lungxfer.utils.error_redaction import describe_error
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import import_extra

logger = logging.getLogger(__name__)

_PATIENCE = 10  # seconds for a client to send its request
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML, _JSON = "text/html; charset=utf-8", "application/json"

Answer = tuple[int, str, bytes]


class StatusServer:
    """Answers on `settings.host`, at once when it is made, until `stop`.

    A request must call it by an address, as "localhost", or by the name of `settings.host` or of this machine. So a
    page of another site, whose name was rebound to this machine, learns nothing.

    Raises
    ------
    LungXferError
        When the port is taken, the host is none of this machine, or prometheus-client is not installed.
    """

    def __init__(self, settings: Status, view: NodeView) -> None:
        handler = type(
            "NodeStatusHandler", (_StatusHandler,), {"hosts": known_hosts(settings.host), "pages": make_pages(view)}
        )
        try:
            self._server = _Server((settings.host, settings.port), handler)
        except OSError as error:
            raise LungXferError(
                f"the status page cannot be served at {settings.host}:{settings.port} ({error.strerror})",
                remedy="End the other program at this port, or change host and port in [status]",
            ) from None
        self.port: int = self._server.server_address[1]
        if not _is_loopback(settings.host):
            logger.warning("The status page has no users and no encryption, and other machines can reach it")
        threading.Thread(target=self._server.serve_forever, name="status", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _StatusHandler(BaseHTTPRequestHandler):
    hosts: frozenset[str]
    pages: dict[str, Callable[[], Answer]]
    timeout = _PATIENCE
    server_version, sys_version = "lungxfer", ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a request."""
        self._send(*self._answer())

    do_HEAD = do_GET  # noqa: N815

    def _answer(self) -> Answer:
        name = re.sub(r":\d+$", "", self.headers.get("Host", "")).lower()
        if name not in self.hosts and not _is_address(name):
            return _plain(HTTPStatus.FORBIDDEN, "this server is not known by that name")
        page = self.pages.get(self.path.partition("?")[0])
        if page is None:
            return _plain(HTTPStatus.NOT_FOUND, "there is /, /healthz and /metrics")
        try:
            return page()
        except LungXferError as error:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, error.without_source)
        except Exception as error:  # which must not be quoted
            logger.exception("The status server failed")
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, describe_error(error))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **_HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Log nothing: scrapes come every few seconds."""


def make_pages(view: NodeView) -> dict[str, Callable[[], Answer]]:
    """Return what answers each path."""
    latest = import_extra("prometheus_client").generate_latest
    kind = import_extra("prometheus_client").CONTENT_TYPE_LATEST
    registry = make_registry(view)

    def health() -> Answer:
        parts = view.health()
        is_fine = is_healthy(parts)
        content = {
            "status": "ok" if is_fine else "failing",
            "parts": parts,
            "unreached": list(view.unreached()),
            "model": view.model().model,
        }
        status = HTTPStatus.OK if is_fine else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _JSON, json.dumps(content, indent=2).encode()

    return {
        "/": lambda: (HTTPStatus.OK, _HTML, render_status(view).encode()),
        "/healthz": health,
        "/metrics": lambda: (HTTPStatus.OK, kind, latest(registry)),
    }


def known_hosts(host: str) -> frozenset[str]:
    """Return the names, in lower case, that requests may call a server by that listens at `host`."""
    names = {"localhost", host} | (set() if _is_loopback(host) else {socket.gethostname(), socket.getfqdn()})
    return frozenset(name.lower() for name in names)


def _plain(status: int, text: str) -> Answer:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False
