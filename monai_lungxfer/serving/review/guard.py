"""Which requests the review's server answers: those of its own page, on this machine, that know its token."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus

_PATH = re.compile(r"/(?P<token>[\w-]+)/(?:records/(?P<number>\d{1,9})(?:/(?P<part>picture|thumbnail|mask|network))?)?")
_LENGTH = re.compile(r"\d{1,12}")


class RefusedRequestError(Exception):
    """A request that is answered with a status and a reason, in words that quote nothing of it."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Target:
    """What a request asks for: the page without a number, else a record, or a part of it."""

    number: int | None = None
    part: str | None = None


@dataclass(frozen=True)
class ReviewGuard:
    """Checks the head of a request.

    A page of another site may send requests here from the same browser. It knows no token; it says its Origin with
    whatever changes something; and when its own name was rebound to this machine, it calls this server by that name.

    Attributes
    ----------
    port : int
        Where the server listens.
    token : str
        The first part of every path.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    def check(self, path: str, headers: Message) -> Target:
        """Return what is asked for; RefusedRequestError is raised when it is not to be answered."""
        hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        if (headers.get("Host") or "").lower() not in hosts:
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "this server is not known by that name")
        origin = headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "pages of other sites may not use this server")
        found = _PATH.fullmatch(path)
        if found is None or not hmac.compare_digest(found["token"].encode(), self.token.encode()):
            raise RefusedRequestError(HTTPStatus.NOT_FOUND, "open the address that lungxfer review has printed")
        return Target(None if found["number"] is None else int(found["number"]), found["part"])


def check_upload(headers: Message, expected: int) -> str:
    """Return the version that a mask replaces; RefusedRequestError is raised for what is no mask of so many bytes."""
    if headers.get("Content-Type") != "application/octet-stream":
        raise RefusedRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a mask is sent as application/octet-stream")
    length = headers.get("Content-Length")
    if length is None or "Transfer-Encoding" in headers:
        raise RefusedRequestError(HTTPStatus.LENGTH_REQUIRED, "the length of the mask is missing")
    if not _LENGTH.fullmatch(length) or int(length) > expected:
        raise RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the mask is larger than its radiograph")
    if int(length) < expected:
        raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "the mask is smaller than its radiograph")
    version = re.fullmatch(r'"([0-9a-f]{32})"', headers.get("If-Match") or "")
    if version is None:
        raise RefusedRequestError(
            HTTPStatus.PRECONDITION_REQUIRED, "If-Match with the version that was opened is missing"
        )
    return version[1]
