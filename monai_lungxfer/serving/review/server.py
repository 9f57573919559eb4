"""The web server of a review: the page, radiographs as pictures, masks, and corrected masks to save."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.review.corrected import CORRECTED
from monai_lungxfer.inference.review.pictures import encode_picture
from monai_lungxfer.serving.review.corrections import ChangedMeanwhileError, Corrections, OpenedMask
from monai_lungxfer.serving.review.guard import RefusedRequestError, ReviewGuard, Target, check_upload
from monai_lungxfer.serving.review.page import ServedPage, encode_radiograph
from monai_lungxfer.serving.review.results import CorrectableResult
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.locks import lock_output

logger = logging.getLogger(__name__)

_TIMEOUT = 60  # seconds without a byte, after which a connection is closed
_BINARY = "application/octet-stream"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ReviewServer(ThreadingHTTPServer):
    """Listens on this machine alone.

    Parameters
    ----------
    corrections : Corrections
        The masks.
    port : int
        Where to listen; 0 takes a free port.
    """

    daemon_threads = True

    def __init__(self, corrections: Corrections, port: int) -> None:
        try:
            super().__init__(("127.0.0.1", port), _ReviewHandler)
        except OSError as error:
            raise LungXferError(
                f"127.0.0.1:{port} is in use, or cannot be listened at", remedy="Choose a free --port"
            ) from error
        self.corrections = corrections
        self.page = ServedPage({"records": []})
        self.guard = ReviewGuard(self.server_port)

    def show(self, page: ServedPage) -> None:
        """Answer with a page from now on."""
        self.page = page

    @property
    def url(self) -> str:
        """The address of the page, with the token that opens it."""
        return self.guard.url

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - what the library calls
        """Log nothing of a connection that broke: a traceback would quote paths."""
        logger.debug("a connection broke")


@contextmanager
def open_server(corrections: Corrections, port: int = 0) -> Iterator[ReviewServer]:
    """Listen while the block runs, which calls ``show()`` and ``serve_forever()``.

    No other command writes into the folder of the results meanwhile. LungXferError is raised when the port or the
    folder is in use.
    """
    with lock_output(corrections.results.folder):
        server = ReviewServer(corrections, port)
        try:
            yield server
        finally:
            server.server_close()
            corrections.close()  # before the folder is free for others


class _ReviewHandler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "lungxfer", ""
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def _answer(self, respond: Any) -> None:
        if self.server.corrections.is_closed:  # a browser keeps its connections longer than the server listens
            self.close_connection = True
            return
        begin = time.monotonic()
        try:
            target = self.server.guard.check(self.path, self.headers)
            status = respond(target)
        except RefusedRequestError as error:
            status = self._refuse(error.status, error.reason)
        except ChangedMeanwhileError as error:
            status = self._refuse(HTTPStatus.PRECONDITION_FAILED, error.without_source)
        except OutputError as error:
            status = self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, error.without_source)
        except LungXferError as error:
            status = self._refuse(HTTPStatus.CONFLICT, error.without_source)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - its text may name files
            logger.error("a request failed (%s)", type(error).__name__)
            status = self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"the server failed ({type(error).__name__})")
        logger.debug("%s %d, %.2f s", self.command, status, time.monotonic() - begin)

    def _get(self, target: Target) -> HTTPStatus:
        if target.number is None:
            return self._send(self.server.page.render(), "text/html; charset=utf-8")
        corrections = self.server.corrections
        result = corrections.results.find(target.number)
        if target.part == "picture":
            return self._send(encode_radiograph(corrections.results.read_radiograph(result)), "image/png")
        if target.part == "thumbnail":
            results = corrections.results
            picture = encode_picture(results.run, results.images, results.run.rows[result.number])
            return self._send(picture, "image/webp")
        mask = corrections.open(result, network=target.part == "network")
        if target.part is None:
            return self._send_json(self._description(result, mask))
        return self._send(_packed(mask.upright), _BINARY, {"ETag": f'"{mask.version}"'})

    def _put(self, target: Target) -> HTTPStatus:
        if target.number is None or target.part != "mask":
            raise RefusedRequestError(HTTPStatus.METHOD_NOT_ALLOWED, "only masks can be saved")
        corrections = self.server.corrections
        result = corrections.results.find(target.number)
        pixels = result.size[0] * result.size[1]
        version = check_upload(self.headers, -(-pixels // 8))
        body = self.rfile.read(-(-pixels // 8))
        if len(body) != -(-pixels // 8):
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "the mask did not arrive as a whole")
        height, width = result.size
        shape = (width, height) if corrections.results.describe(result).turn.transpose else (height, width)
        upright = np.unpackbits(np.frombuffer(body, np.uint8), count=pixels).reshape(shape)
        mask, remark = corrections.save(result, upright, version)
        logger.info("A corrected mask was saved in %s/", CORRECTED)
        outline = draw_outline(mask.stored)
        self.server.page.update(result.number, outline)
        return self._send_json(self._description(result, mask) | {"remark": remark, "outline": outline})

    def _description(self, result: CorrectableResult, mask: OpenedMask) -> dict[str, Any]:
        height, width = mask.upright.shape
        return {
            "file": result.file,
            "width": width,
            "height": height,
            "version": mask.version,
            "corrected": mask.is_corrected,
            "reviewer": self.server.corrections.reviewer,
        }

    def _refuse(self, status: HTTPStatus, reason: str) -> HTTPStatus:
        self.close_connection = True  # what it sent is not read, and would be taken for the next request
        text = reason[:1].upper() + reason[1:].rstrip(".") + "."
        return self._send_json({"detail": text}, status)

    def _send_json(self, content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> HTTPStatus:
        return self._send(json.dumps(content).encode(), "application/json", status=status)

    def _send(
        self, content: bytes, kind: str, headers: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> HTTPStatus:
        self.send_response(status)
        more = {"Connection": "close"} if self.close_connection else {}
        told = {"Content-Type": kind, "Content-Length": str(len(content)), **_HEADERS, **(headers or {}), **more}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        return status

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the library
        """Log no line for each request: it would hold the token."""


def _packed(mask: NDArray[np.uint8]) -> bytes:
    """Return a mask as bits, row by row, the first pixel as the highest bit of the first byte."""
    return np.packbits(mask).tobytes()
