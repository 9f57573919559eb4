"""Downloading one file over HTTP: resumed after a break, tried again, verified before it gets its name."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError
from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from monai_lungxfer.utils.errors import DownloadError
from monai_lungxfer.utils.files import hash_file, unwritable
from monai_lungxfer.utils.json_files import load_json
from monai_lungxfer.utils.locks import hold_lock
from monai_lungxfer.utils.progress import progress_bar
from monai_lungxfer.utils.temporary import lock_beside, tidy

logger = logging.getLogger(__name__)

ATTEMPTS = 5
BACK_OFF = 1.0  # seconds before the second attempt, doubled before each one after it
CHUNK = 1 << 14  # bytes; what is lost of each break, since requests gives up a chunk that is not full
STATUS_MAY_CHANGE = frozenset({408, 425, 429, 500, 502, 503, 504})
MENDED_BY_WAITING = (requests.ConnectionError, requests.Timeout, ChunkedEncodingError)


@dataclass(frozen=True)
class _Part:
    """The bytes received so far, and the note that tells which version of which file they belong to."""

    url: str
    target: Path

    @property
    def file(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def note(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")

    def size(self) -> int:
        return self.file.stat().st_size if self.file.is_file() else 0

    def validator(self) -> str | None:
        """Return the ETag or date of the version that the bytes belong to, ``None`` when that is unknown."""
        try:
            noted = load_json(self.note)
        except (OSError, ValueError):
            return None
        is_ours = isinstance(noted, dict) and noted.get("url") == self.url
        return noted["validator"] if is_ours and isinstance(noted.get("validator"), str) else None

    def begin(self, validator: str | None) -> None:
        self.discard()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()
        if validator:
            self.note.write_text(json.dumps({"url": self.url, "validator": validator}), encoding="utf-8")

    def finish(self) -> None:
        with self.file.open("rb") as file:
            os.fsync(file.fileno())  # a loss of power must not leave an empty file
        self.note.unlink(missing_ok=True)  # first: nothing would remove it once the file is there
        self.file.replace(self.target)

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def download(
    url: str,
    target: str | Path,
    *,
    sha256: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    timeout: tuple[float, float] = (15.0, 60.0),
) -> Path:
    """Download a file, and return `target`.

    What has arrived is kept in ``<target>.part``, and a later attempt, in this call or the next, asks for the
    rest only (RFC 9110, sections 13.1.5 and 14.2). Without an ETag or date from the server, or when the file
    has changed there, it begins again. A second process that wants the same file waits for the first.

    Parameters
    ----------
    url : str
        An ``http`` or ``https`` address.
    target : str or pathlib.Path
        The final path. A file that is there already with the right checksum is not fetched again.
    sha256 : str, optional
        The content's SHA-256, or its first digits, in hexadecimal.
    overwrite : bool
        Replace a file that is there with other, or unverifiable, content.
    progress : bool
        Show a progress bar when standard error is a terminal.
    timeout : tuple of float
        Seconds to wait for a connection, and for the next bytes.
    """
    target = Path(target).expanduser()
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError("only http and https addresses can be downloaded", source=url, remedy="Check the address")
    tidy(target.parent)
    was_there = target.exists()
    if was_there and _is_wanted(target, sha256, overwrite):
        logger.info("%s is there already", target)
        return target
    part = _Part(url, target)
    with hold_lock(lock_beside(target), "another process downloads this file", "Wait until it has ended", wait=True):
        if target.exists() and not was_there and (sha256 is None or _is_wanted(target, sha256, overwrite)):
            logger.info("%s was downloaded by another process", target)
            return target
        try:
            _fetch_persistently(part, progress, timeout)
            _verify(part, sha256)
            part.finish()
        except OSError as error:
            raise unwritable(target, error) from error
    return target


def _is_wanted(target: Path, sha256: str | None, overwrite: bool) -> bool:
    if sha256 and target.is_file() and hash_file(target).startswith(sha256.lower()):
        return True
    if not overwrite or not target.is_file():
        raise DownloadError(
            "a file with other content is there already" if sha256 else "there is a file already",
            source=target,
            remedy="Move it away, choose another name, or allow it to be overwritten",
        )
    return False


def _fetch_persistently(part: _Part, progress: bool, timeout: tuple[float, float]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch(part, progress, timeout)
            break
        except requests.RequestException as error:
            if attempt == ATTEMPTS or not isinstance(error, MENDED_BY_WAITING):
                raise DownloadError(
                    f"the download failed at attempt {attempt} of {ATTEMPTS} ({_reason(error)})",
                    source=part.url,
                    remedy="Check the network, the proxy settings and the address, and run it again to continue",
                ) from error
            wait = BACK_OFF * 2 ** (attempt - 1)
            logger.warning("The download broke off (%s); next attempt in %.0f s", _reason(error), wait)
            time.sleep(wait)


def _reason(error: Exception) -> object:
    # requests and urllib3 wrap the reason in each other, with a sentence about retries that are not made here.
    reason: object = error
    while isinstance(reason, Exception) and reason.args:
        reason = getattr(reason, "reason", None) or reason.args[0]
    return reason


def _fetch(part: _Part, progress: bool, timeout: tuple[float, float]) -> None:
    """Ask for what is missing, append it, and check that the length is the announced one."""
    # A compressed transfer would make lengths and ranges mean something else than the file's bytes.
    headers = {"Accept-Encoding": "identity"}
    known, offset = part.validator(), part.size()
    if known and offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": known}
    else:
        offset = 0
    with requests.get(part.url, headers=headers, stream=True, timeout=timeout) as response:
        if offset and response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{offset}":
                return  # everything had arrived, only the end was not noticed
            part.discard()
            raise requests.ConnectionError("the server's file has changed: it is shorter than what has arrived")
        _check_status(response)
        if response.status_code == requests.codes.ok:
            offset = 0
            part.begin(_validator(response))
        elif not _continues(response, offset, known):
            part.discard()
            raise requests.ConnectionError("the server sends a part of another version")
        length = response.headers.get("Content-Length")
        total = offset + int(length) if length else None
        _append(response, part, offset, total, progress)
    if total is not None and part.size() != total:
        raise requests.ConnectionError(f"{part.size()} of {total} bytes arrived")


def _check_status(response: requests.Response) -> None:
    if response.status_code in STATUS_MAY_CHANGE:
        raise requests.ConnectionError(f"the server answers {response.status_code} {response.reason}")
    if response.status_code not in (requests.codes.ok, requests.codes.partial):
        raise DownloadError(
            f"the server answers {response.status_code} {response.reason}",
            source=response.url,
            remedy="Check the address, or give another one",
        )


def _continues(response: requests.Response, offset: int, known: str | None) -> bool:
    """Tell whether a partial answer is the rest of what has arrived, also when the server ignores If-Range."""
    begins = f"bytes {offset}-"
    return response.headers.get("Content-Range", "").startswith(begins) and _validator(response) in (None, known)


def _validator(response: requests.Response) -> str | None:
    # RFC 9110, section 13.1.5: a weak ETag does not promise equal bytes.
    etag = response.headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")


def _append(response: requests.Response, part: _Part, offset: int, total: int | None, progress: bool) -> None:
    with part.file.open("ab") as file, _advancing(part.target.name, offset, total, progress) as bar:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            bar.advance(bar.task_ids[0], len(chunk))


@contextmanager
def _advancing(name: str, offset: int, total: int | None, progress: bool) -> Iterator[Progress]:
    shown = progress and sys.stderr.isatty()
    if not shown:
        logger.info("Downloading %s: %s bytes, from byte %d on", name, "?" if total is None else total, offset)
    with progress_bar(None, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as bar:
        bar.disable = not shown
        bar.add_task(name, total=total, completed=offset)
        yield bar


def _verify(part: _Part, sha256: str | None) -> None:
    found = hash_file(part.file)
    if sha256 and not found.startswith(sha256.lower()):
        part.discard()
        raise DownloadError(
            f"the content has the SHA-256 {found}, not {sha256}…",
            source=part.url,
            remedy="Somebody has changed it on the way or on the server; use another address",
        )
