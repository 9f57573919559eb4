"""Studies from a DICOMweb server, and results back to it: QIDO-RS, WADO-RS and STOW-RS of PS3.18."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pydicom
import requests
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from monai_lungxfer.inference.dicom.source import save_dicom, store_each
from monai_lungxfer.utils.errors import DownloadError, InputFileError, LungXferError, OutputError
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

logger = logging.getLogger(__name__)

AUTHORIZATION = "LUNGXFER_DICOMWEB_AUTHORIZATION"
"""Environment variable with the whole value of the header Authorization, such as ``Bearer TOKEN``."""

RADIOGRAPHY = ("CR", "DX", "DR", "RG")
"""Modality (0008,0060) of the series that are fetched unless others are asked for."""

_TIMEOUT = (10, 120)  # seconds to connect, and between two pieces of an answer
_ATTEMPTS = 3
_BACK_OFF = 500  # milliseconds; the waits are 2 and 4 times as long
_AS_STORED = (("application/dicom", "*"),)  # any transfer syntax: nothing is decompressed on the way
_MODALITY = "00080060"
_SERIES = "0020000E"
_MEANINGS = {
    401: f"wants other credentials; set the environment variable {AUTHORIZATION}",
    403: f"does not allow this; check the rights of the credentials in {AUTHORIZATION}",
    404: "does not know this address or study; check the URL, which ends as in http://HOST:8042/dicom-web, and the UID",
}


def fetch_study(
    url: str, study_uid: str, folder: str | Path, *, modalities: Sequence[str] | None = RADIOGRAPHY
) -> list[Path]:
    """Fetch the instances of a study as files, one at a time, in the transfer syntax in which the server has them.

    Parameters
    ----------
    url : str
        The service's root, such as ``http://HOST:8042/dicom-web``. Credentials come from the environment variable
        `AUTHORIZATION`, never from the URL.
    study_uid : str
        Study Instance UID (0020,000D).
    folder : str or pathlib.Path
        Receives a file for every instance, ``SOP-INSTANCE-UID.dcm``; one of that name is replaced. Where several
        series have an instance of one UID, which some de-identifiers and converters make, each of these files is
        named ``SOP-INSTANCE-UID-SERIES-INSTANCE-UID.dcm``, and the log tells their number.
    modalities : sequence of str, optional
        Only series of these modalities, and those that name none; ``None`` fetches all.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    InputFileError
        When the study is unknown, or has no series of these modalities.
    DownloadError
        When the server cannot be reached, refuses, or sends what is no DICOM. Instances fetched before are whole.
    OutputError
        When a file cannot be written.
    """
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,64}", study_uid):
        raise InputFileError("this is no Study Instance UID", remedy="Give one as 1.2.840…")
    client = _client(url)
    with _answers(url, DownloadError):
        found = client.search_for_series(study_uid, fields=["Modality"])
    wanted = _wanted(found, modalities, _shown(url))
    fetched: dict[str, dict[str, Path]] = {}
    for series in wanted:
        # Errors of the file system are told by save_dicom, those of the connection by _answers.
        for instance in _instances(client, url, study_uid, series):
            uid = str(instance.get("SOPInstanceUID"))
            path = Path(folder) / f"{_file_stem(uid, *([series] if uid in fetched else []))}.dcm"
            save_dicom(path, instance)
            fetched.setdefault(uid, {})[series] = path
    return _distinct(fetched)


def store_instances(url: str, files: Sequence[str | Path]) -> None:
    """Store DICOM files on a server, one at a time. What was stored before is replaced or kept, as the server is set.

    Parameters
    ----------
    url : str
        The service's root, as for `fetch_study`.
    files : sequence of str or pathlib.Path
        DICOM files.

    Raises
    ------
    InputFileError
        When a file is no DICOM file. The files before it are stored.
    OutputError
        When the server cannot be reached or refuses the sender: the files before are stored. When it refuses single
        files: all others are stored.
    """
    store_each(files, _shown(url), partial(_store, _client(url), url))


def check_url(url: str) -> None:
    """Refuse what is no URL of a server, or holds a password, before work is done for it. The server is not asked."""
    _client(url)


def _store(client: DICOMwebClient, url: str, file: str | Path) -> str | None:
    """Return why the server refuses a file, or nothing when it is stored."""
    try:
        instance = pydicom.dcmread(file)
    except (OSError, InvalidDicomError) as error:
        raise InputFileError(
            f"cannot be read as DICOM ({type(error).__name__})", source=file, remedy="Give DICOM files only"
        ) from None
    with _answers(url, OutputError):
        try:
            answer = client.store_instances([instance])
        except requests.HTTPError as error:
            if error.response.status_code != requests.codes.conflict:
                raise
            return "it answered 409"  # none of the instances is stored (PS3.18, 10.5.3)
    if not answer.get("FailedSOPSequence"):
        return None
    reason = answer.FailedSOPSequence[0].get("FailureReason")
    return f"failure reason {reason:#06x}" if isinstance(reason, int) else "no reason given"


def _client(url: str) -> DICOMwebClient:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LungXferError("this is no URL of a DICOMweb server", remedy="Give one as http://HOST:8042/dicom-web")
    if parts.username or parts.password:
        raise LungXferError(
            "a URL with a password in it is not used, since it would show in logs",
            remedy=f"Set the environment variable {AUTHORIZATION}, such as to 'Basic …' or 'Bearer …'",
        )
    authorization = os.environ.get(AUTHORIZATION)
    headers = {"Authorization": authorization} if authorization else None
    web = import_extra("dicomweb_client.web")
    client = web.DICOMwebClient(url.rstrip("/"), headers=headers, permissive_uid=True, timeout=_TIMEOUT)
    client.set_http_retry_params(max_attempts=_ATTEMPTS, wait_exponential_multiplier=_BACK_OFF)
    return client


def _shown(url: str) -> str:
    """Return the server without what may follow its name: query strings hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


@contextmanager
def _answers(url: str, kind: type[LungXferError]) -> Iterator[None]:
    """Turn what goes wrong between the client and the server into `kind`, quoting nothing of the answers."""
    retrying = import_extra("retrying")
    server = _shown(url)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about servers that do not keep to the standard, and about values
            yield
    except requests.HTTPError as error:
        status = getattr(error.response, "status_code", 0)
        meaning = _MEANINGS.get(status, "refused")
        raise kind(f"the server answered {status}: it {meaning}", source=server) from None
    except retrying.RetryError:
        raise kind("the server is too busy to answer", source=server, remedy="Try again later") from None
    except requests.RequestException as error:
        raise kind(
            f"no complete answer from the server ({type(error).__name__})",
            source=server,
            remedy="Check the address and that the server runs, then try again",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, InvalidDicomError) as error:
        raise kind(
            f"the server's answer is not DICOMweb's ({type(error).__name__})",
            source=server,
            remedy="Check the URL, which ends as in http://HOST:8042/dicom-web, and the UID",
        ) from None


def _wanted(found: Sequence[Mapping[str, Any]], modalities: Sequence[str] | None, server: str) -> list[str]:
    if not found:
        raise InputFileError("the server has no such study", source=server, remedy="Check the Study Instance UID")
    by_series = {_value(item, _SERIES): _value(item, _MODALITY) for item in found}
    wanted = [
        uid for uid, modality in by_series.items() if uid and (not modality or not modalities or modality in modalities)
    ]
    if not wanted:
        others = sorted({modality for modality in by_series.values() if re.fullmatch("[A-Z]{2,16}", modality)})
        raise InputFileError(
            f"the study has no series of the modality {', '.join(modalities or ())}, but of {', '.join(others)}",
            source=server,
            remedy="Check the Study Instance UID, or ask for other modalities",
        )
    return wanted


def _value(item: Mapping[str, Any], tag: str) -> str:
    """Return the first value of an attribute in the DICOM JSON model (PS3.18, annex F)."""
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _instances(client: DICOMwebClient, url: str, study_uid: str, series_uid: str) -> Iterator[Dataset]:
    with _answers(url, DownloadError):
        instances = client.iter_series(study_uid, series_uid, media_types=_AS_STORED)
    while True:
        with _answers(url, DownloadError):
            instance = next(instances, None)
        if instance is None:
            return
        yield instance


def _distinct(fetched: Mapping[str, Mapping[str, Path]]) -> list[Path]:
    """Name the first file of a UID that several series have as the others are, and return all files."""
    files = []
    for uid, by_series in fetched.items():
        for series, path in by_series.items():
            target = path if len(by_series) == 1 else path.with_name(f"{_file_stem(uid, series)}.dcm")
            files.append(path.replace(target) if path != target else path)
    if shared := sum(len(by_series) for by_series in fetched.values() if len(by_series) > 1):
        logger.warning("Radiographs whose SOP Instance UID another series has, too, all of them fetched: %d", shared)
    return files


def _file_stem(*uids: str) -> str:
    """Return a name that stays in the folder, whatever the server sent."""
    return "-".join(
        uid if re.fullmatch(r"[0-9.]{1,64}", uid) else hashlib.sha256(uid.encode()).hexdigest() for uid in uids
    )
