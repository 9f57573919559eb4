"""Results to a DICOMweb server: STOW-RS of PS3.18, 10.5."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import requests
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from monai_lungxfer.inference.dicom.dicomweb_session import (
    AUTHORIZATION,
    TIMEOUT,
    connect,
    explained_answers,
    name_server,
)
from monai_lungxfer.inference.dicom.source import store_each
from monai_lungxfer.utils.errors import InputFileError, OutputError

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

_STORED_BEFORE = (0x0111, 0xB00E)  # duplicate SOP instance: of PS3.7, C.5.2, and of Azure's DICOM service


def store_instances(
    url: str,
    files: Sequence[str | Path],
    *,
    authorization: str | None = AUTHORIZATION,
    timeout: tuple[float, float] = TIMEOUT,
) -> None:
    """Store DICOM files on a server, one at a time. What was stored before is replaced or kept, as the server is set.

    Parameters
    ----------
    url : str
        The service's root, such as ``http://HOST:8042/dicom-web``.
    files : sequence of str or pathlib.Path
        DICOM files.
    authorization, timeout
        As for `monai_lungxfer.inference.dicom.dicomweb_session.connect`.

    Raises
    ------
    InputFileError
        When a file is no DICOM file. The files before it are stored.
    OutputError
        When the server cannot be reached or refuses the sender: the files before are stored. When it refuses single
        files: all others are stored.
    """
    with (
        connect(url, authorization=authorization, timeout=timeout) as (client, session),
        explained_answers(url, OutputError, authorization),
    ):
        session.max_redirects = 0  # requests would turn a POST into a GET, whose answer says nothing about the files
        session.headers["Accept"] = "application/dicom+json"
        session.hooks["response"] = [_plain_type]
        store_each(files, name_server(url), partial(_store, client))


def _store(client: DICOMwebClient, file: str | Path) -> str | None:
    """Return why the server refuses a file, or nothing when it is stored."""
    try:
        instance = pydicom.dcmread(file)
    except (OSError, InvalidDicomError) as error:
        raise InputFileError(
            f"cannot be read as DICOM ({type(error).__name__})", source=file, remedy="Give DICOM files only"
        ) from None
    try:
        answer = client.store_instances([instance])
    except requests.HTTPError as error:
        if error.response.status_code != requests.codes.conflict:
            raise
        answer = _read_conflict(error.response)  # none of the instances is stored now (PS3.18, 10.5.3)
        if not answer.get("FailedSOPSequence"):
            return "it answered 409"
    reasons = [item.get("FailureReason") for item in answer.get("FailedSOPSequence") or []]
    reason = next((reason for reason in reasons if reason not in _STORED_BEFORE), 0)
    if reason == 0:
        return None
    return f"failure reason {reason:#06x}" if isinstance(reason, int) else "no reason given"


def _plain_type(answer: requests.Response, *_: Any, **__: Any) -> None:
    """Take parameters off the media type, with which the client ignores the answer; refuse the page of a log-in."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if answer.status_code < 300 and kind == "text/html":
        raise ValueError("a page")
    answer.headers["Content-Type"] = kind


def _read_conflict(answer: requests.Response) -> Dataset:
    """Return what an answer 409 tells in DICOM JSON, nothing when it does not."""
    try:
        return Dataset.from_json(answer.json())
    except Exception:  # noqa: BLE001 - whatever a server sends
        return Dataset()
