"""What stands between the network and MONAI Label: it limits, refuses and logs requests, and tells no paths."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monai_lungxfer.serving.label.parameters import CONTROL, escapes_folder, rejection_reason

logger = logging.getLogger(__name__)

_SERVED = re.compile(
    r"GET /((docs|openapi\.json|favicon\.ico)?|info/?|model/(info/)?[^/]+)|"
    r"(GET|HEAD) /(ohif|static|proxy)(/.*)?|"
    r"(GET|PUT) /datastore/?|(GET|HEAD|PUT) /datastore/(image|label)|GET /datastore/(image|label)/info|"
    r"POST /(infer|activelearning)/[^/]+|"
    r"(GET|DELETE) /(train|scoring|batch/infer)/?|POST /(train|scoring|batch/infer)(/[^/]*)?",
    re.DOTALL,
)
"""What annotators, their viewers and MONAI Label's client need. Nothing that changes weights, deletes images or labels,
writes to the archive behind the proxy, keeps files (sessions), or tells the operator's log."""

_ENDPOINTS = frozenset(
    ("activelearning", "batch", "datastore", "infer", "info", "model", "ohif", "proxy", "scoring", "static", "train")
)

_OF_PARAMETERS = frozenset(("activelearning", "batch", "scoring", "train"))
"""Endpoints whose body is JSON, whatever its type is said to be."""

_CHECKSUM = re.compile("((SHA256|SHA512|MD5):)?[0-9A-Fa-f]*")

_MOST_JSON = 1_000_000  # bytes of a request that only tells parameters


class Guard:
    """ASGI middleware around `app`, MONAI Label's application. No body of a request is larger than `max_bytes`.

    A request may call this server by an address, or by one of the names `hosts`, in lower case. A page of another site
    whose name was rebound to this machine calls it by that name, and never by an address. `with_proxy` says whether
    there is a DICOMweb server that viewers reach through this one.
    """

    def __init__(self, app: ASGIApp, hosts: set[str], max_bytes: int, *, with_proxy: bool) -> None:
        self.app = app
        self.hosts = hosts
        self.max_bytes = max_bytes
        self.with_proxy = with_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, told = time.monotonic(), {"status": 500}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
            await send(message)

        try:
            self._check_head(scope)
            await self.app(scope, await self._checked(scope, receive), watched)
        except HTTPException as error:
            await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, watched)
        except ClientDisconnect:  # nobody waits for an answer
            told["status"] = 499
        finally:  # what follows in the path, or is no endpoint, may be a name
            shown = _first(scope) if _first(scope) in _ENDPOINTS else "(other)"
            logger.info("%s /%s %d, %.2f s", scope["method"], shown, told["status"], time.monotonic() - begin)

    def _check_head(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = re.sub(r":\d+$", "", host).lower()
        # Starlette's TrustedHostMiddleware has no pattern for "any address", and answers in plain text.
        if name not in self.hosts and not _is_address(name):
            raise HTTPException(403, "this server is not known by that name")
        if "origin" in headers and headers["origin"].partition("://")[2] != host:
            raise HTTPException(403, "pages of other sites may not use this server")
        fields = parse_qsl(scope["query_string"].decode("latin-1"))
        query = [value for _, value in fields]
        if any(map(CONTROL.search, [scope["path"], *query])):
            raise HTTPException(400, "the address holds control characters")
        is_proxy = _first(scope) == "proxy"
        if not _SERVED.fullmatch(f"{scope['method']} {scope['path']}") or (is_proxy and not self.with_proxy):
            raise HTTPException(403, "this is not served here")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.max_bytes:
            raise _too_large(self.max_bytes)
        values = scope["path"].strip("/").split("/") + ([] if is_proxy else query)  # DICOMweb has its own query
        if any(map(escapes_folder, values)):
            raise HTTPException(400, "an id or a name leads out of its folder")
        if not all(_CHECKSUM.fullmatch(value) for name, value in fields if name == "check_sum"):
            raise HTTPException(400, "check_sum is not a SHA256, SHA512 or MD5 sum in hexadecimal digits")

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Return what receives the body, counted; a body of parameters is read and checked at once."""
        types = Headers(scope=scope).getlist("content-type")
        if _first(scope) not in _OF_PARAMETERS and not any("json" in kind.lower() for kind in types):
            return _counted(receive, self.max_bytes)
        body = await Request(scope, _counted(receive, min(_MOST_JSON, self.max_bytes))).body()
        reason = rejection_reason(body, is_kept=_first(scope) in ("batch", "infer"))
        if reason is not None:
            raise HTTPException(400, reason)
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Message:
            return next(messages, None) or await receive()

        return again


def _counted(receive: Receive, most: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:  # a body that came in pieces, without telling its length
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the request is larger than {most / 1e6:g} MB")


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


def _first(scope: Scope) -> str:
    return str(scope["path"]).lstrip("/").partition("/")[0]
