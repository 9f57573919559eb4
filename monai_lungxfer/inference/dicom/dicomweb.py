"""Studies from a DICOMweb server: QIDO-RS and WADO-RS of PS3.18."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from monai_lungxfer.inference.dicom.attributes import read_text
from monai_lungxfer.inference.dicom.bounded_http import iter_parts
from monai_lungxfer.inference.dicom.dicomweb_session import LIMITS, TIMEOUT, connect, explained_answers, name_server
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.utils.errors import DownloadError, InputFileError
from monai_lungxfer.utils.files import unwritable

logger = logging.getLogger(__name__)

RADIOGRAPHY = ("CR", "DX", "DR", "RG")
"""Modality (0008,0060) of the series that are fetched unless others are asked for."""

_AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'  # nothing is decompressed on the way
_MODALITY = "00080060"
_SERIES = "0020000E"
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_UID = r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,63}"  # of an address, so no ".."
_INCOMING = ".incoming.dcm"


def fetch_study(
    url: str,
    study_uid: str,
    folder: str | Path,
    *,
    modalities: Sequence[str] | None = RADIOGRAPHY,
    on_refused: Callable[[DownloadError], None] | None = None,
) -> list[Path]:
    """Fetch the instances of a study as files, one at a time, in the transfer syntax in which the server has them.

    Parameters
    ----------
    url : str
        The service's root, such as ``http://HOST:8042/dicom-web``. Credentials come from the environment variable
        `monai_lungxfer.inference.dicom.dicomweb_session.AUTHORIZATION`, never from the URL.
    study_uid : str
        Study Instance UID (0020,000D).
    folder : str or pathlib.Path
        Receives a file for every instance, ``SOP-INSTANCE-UID.dcm``; one of that name is replaced. Where several
        series have an instance of one UID, which some de-identifiers and converters make, each of these files is
        named ``SOP-INSTANCE-UID-SERIES-INSTANCE-UID.dcm``, and the log tells their number.
    modalities : sequence of str, optional
        Only series of these modalities, and those that name none; ``None`` fetches all.
    on_refused : callable, optional
        Called, when all is fetched, with the error for instances that were refused, since by their own UIDs they are of
        another study or series than was asked for, or cannot be read. Without it, the error is raised then.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    InputFileError
        When the study is unknown, or has no series of these modalities.
    DownloadError
        When the server cannot be reached, refuses, sends nothing that was asked for, or more or slower than
        `monai_lungxfer.inference.dicom.bounded_http.AnswerLimits` allow. Instances fetched before are whole.
    OutputError
        When a file cannot be written.
    """
    if not re.fullmatch(_UID, study_uid):
        raise InputFileError("this is not a Study Instance UID", remedy="Give one as 1.2.840…")
    fetched: dict[str, dict[str, Path]] = {}
    refused = 0
    with connect(url) as (client, session):
        with explained_answers(url, DownloadError):
            found = client.search_for_series(study_uid, fields=["Modality"])
            wanted = _wanted(found, modalities, name_server(url))
        for series in wanted:
            for content in _instances(session, url, study_uid, series):
                path = _keep(content, Path(folder), (study_uid, series), fetched)
                refused += path is None
    files = _distinct(fetched)
    if refused:
        _refuse(refused, name_server(url), on_refused if files else None)
    return files


def _keep(content: bytes, folder: Path, asked: tuple[str, str], fetched: dict[str, dict[str, Path]]) -> Path | None:
    """Write an instance, or return ``None`` when it is not of the study and series that were asked for."""
    incoming = folder / _INCOMING
    try:
        folder.mkdir(parents=True, exist_ok=True)
        incoming.write_bytes(content)
        study, series, uid = _read_uids(incoming)
        if (study, series) != asked or not uid:
            return None
        path = folder / f"{_file_stem(uid, *([series] if uid in fetched else []))}.dcm"
        fetched.setdefault(uid, {})[series] = incoming.replace(path)
        return path
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        incoming.unlink(missing_ok=True)


def _read_uids(path: Path) -> tuple[str, str, str]:
    """Return the UIDs of study, series and instance, "" for those that are missing or cannot be read."""
    try:
        with quiet():
            header = read_dataset(path, stop_before_pixels=True, specific_tags=list(_UIDS))
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises anything for malformed files
        return "", "", ""
    study, series, uid = (read_text(header, keyword) for keyword in _UIDS)
    return study, series, uid


def _refuse(count: int, server: str, on_refused: Callable[[DownloadError], None] | None) -> None:
    error = DownloadError(
        f"the server sent instances that are not of the study and series that were asked for: {count}",
        source=server,
        remedy="They were not used. Tell who runs the server, since other patients' images may be among them",
    )
    if on_refused is None:
        raise error
    on_refused(error)


def _wanted(found: Sequence[Mapping[str, Any]], modalities: Sequence[str] | None, server: str) -> list[str]:
    if not found:
        raise InputFileError("the server has no such study", source=server, remedy="Check the Study Instance UID")
    by_series = {_value(item, _SERIES): _value(item, _MODALITY) for item in found}
    if not all(re.fullmatch(_UID, uid) for uid in by_series):
        raise ValueError("no UID of a series")
    wanted = [uid for uid, modality in by_series.items() if not modality or not modalities or modality in modalities]
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


def _instances(session: requests.Session, url: str, study_uid: str, series_uid: str) -> Iterator[bytes]:
    """Yield the instances of a series as the server stores them."""
    address = f"{url.rstrip('/')}/studies/{study_uid}/series/{series_uid}"
    with explained_answers(url, DownloadError):
        response = session.get(address, headers={"Accept": _AS_STORED}, stream=True, timeout=TIMEOUT)
    with response:
        with explained_answers(url, DownloadError):
            response.raise_for_status()
            parts = iter_parts(response, LIMITS)
        while True:
            with explained_answers(url, DownloadError):
                part = next(parts, None)
            if part is None:
                return
            yield part


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
