"""The connection to a DICOMweb server: its address and credentials, limits of its answers, and what its errors mean."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from urllib3 import Retry

from monai_lungxfer.inference.dicom.bounded_http import (
    AnswerLimits,
    AnswerTooLargeError,
    AnswerTooSlowError,
    BoundedAdapter,
)
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

AUTHORIZATION = "LUNGXFER_DICOMWEB_AUTHORIZATION"
"""Environment variable with the whole value of the header Authorization, such as ``Bearer TOKEN``."""

TIMEOUT = (10, 120)
"""Seconds to connect, and between two pieces of an answer."""

LIMITS = AnswerLimits()

_ATTEMPTS = 3
_BACK_OFF = 500  # milliseconds; the waits are 2 and 4 times as long
_BUSY = (408, 429, 500, 502, 503, 504)
_MEANINGS = {
    401: "wants other credentials; set {}",
    403: "does not allow this; check the rights of the credentials in {}",
    404: "does not know this address or study; check the URL, which ends as in http://HOST:8042/dicom-web, and the UID",
}


@contextmanager
def connect(
    url: str, *, authorization: str | None = AUTHORIZATION, timeout: tuple[float, float] = TIMEOUT
) -> Iterator[tuple[DICOMwebClient, requests.Session]]:
    """Give a client of a server and its session, whose answers are bounded by `LIMITS`.

    `authorization` is the environment variable with the header's value, if any; `timeout` is as `TIMEOUT`.
    LungXferError is raised when the URL is none of a server, or holds a password.
    """
    check_url(url)
    web = import_extra("dicomweb_client.web")
    with requests.Session() as session:
        again = Retry(
            total=None,
            connect=0,
            read=0,
            other=0,  # such as a certificate that is not accepted
            status=_ATTEMPTS - 1,
            status_forcelist=_BUSY,
            backoff_factor=_BACK_OFF / 500,
            respect_retry_after_header=False,  # which may name any time
        )
        adapter = BoundedAdapter(LIMITS, max_retries=again)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        if authorization and (value := os.environ.get(authorization)):
            session.headers["Authorization"] = value
        client = web.DICOMwebClient(url.rstrip("/"), session=session, permissive_uid=True, timeout=timeout)
        client.set_http_retry_params(max_attempts=_ATTEMPTS, wait_exponential_multiplier=_BACK_OFF)
        yield client, session


def check_url(url: str) -> None:
    """Refuse what is no URL of a server, or holds a password, before work is done for it. The server is not asked."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half of an IPv6 address
        is_url = False
    if not is_url:
        raise LungXferError("this is not a URL of a DICOMweb server", remedy="Give one as http://HOST:8042/dicom-web")
    if parts.username or parts.password:
        raise LungXferError(
            "a URL with a password in it is not used, since it would show in logs",
            remedy=f"Set the environment variable {AUTHORIZATION}, such as to 'Basic …' or 'Bearer …'",
        )


def find_origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, by which servers differ."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def name_server(url: str) -> str:
    """Return the server without what may follow its name: query strings hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


@contextmanager
def explained_answers(url: str, kind: type[LungXferError], authorization: str | None = AUTHORIZATION) -> Iterator[None]:
    """Turn what goes wrong between the client and the server into `kind`, quoting nothing of the answers."""
    variable = f"the environment variable {authorization}" if authorization else "authorization in the settings"
    retrying = import_extra("retrying")
    server = name_server(url)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about servers that do not keep to the standard, and about values
            yield
    except requests.HTTPError as error:
        status = getattr(error.response, "status_code", 0)
        meaning = _MEANINGS.get(status, "refused").format(variable)
        raise kind(f"the server answered {status}: it {meaning}", source=server) from None
    except (retrying.RetryError, requests.exceptions.RetryError):
        raise kind("the server is too busy to answer", source=server, remedy="Try again later") from None
    except requests.TooManyRedirects:
        remedy = "Give the address that it names, and check that no log-in stands before it"
        raise kind("the server answers with another address", source=server, remedy=remedy) from None
    except requests.exceptions.SSLError:
        remedy = "Set REQUESTS_CA_BUNDLE to the file of the authority that signed its certificate, or have it renewed"
        raise kind("its certificate is not accepted, or it speaks no TLS", source=server, remedy=remedy) from None
    except AnswerTooLargeError as error:
        remedy = "Check the URL and the study; fetch a study of this size by other means, and give its folder"
        raise kind(f"the server sends {error}, which is not taken", source=server, remedy=remedy) from None
    except AnswerTooSlowError:
        raise kind(
            "the server's answer takes too long", source=server, remedy="Check the connection, then try again"
        ) from None
    except requests.RequestException as error:
        raise kind(
            f"no complete answer from the server ({type(error).__name__})",
            source=server,
            remedy="Check the address and that the server runs, then try again",
        ) from None
    except LungXferError:
        raise
    except Exception as error:  # noqa: BLE001 - the client and pydicom stumble over whatever a server sends
        raise kind(
            f"the server's answer is not DICOMweb's ({type(error).__name__})",
            source=server,
            remedy="Check the URL, which ends as in http://HOST:8042/dicom-web, and the UID",
        ) from None
