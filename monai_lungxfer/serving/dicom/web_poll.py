"""A DICOMweb service as a source of a DICOM node: it is asked for new radiographs by QIDO-RS."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from monai_lungxfer.inference.dicom.dicomweb import fetch_study
from monai_lungxfer.inference.dicom.dicomweb_session import connect, explained_answers, name_server
from monai_lungxfer.serving.dicom.arrivals import Intake
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.settings import Poll
from monai_lungxfer.utils.errors import DownloadError, InputFileError, LungXferError
from monai_lungxfer.utils.temporary import scratch_folder

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

logger = logging.getLogger(__name__)

_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_MODALITY, _COUNT = "00080060", "00201208"  # Number of Study Related Instances
_UID = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,63}")


class WebPoll:
    """A thread that asks for studies of the last days, and fetches those with radiographs that it has not seen.

    What was fetched is in the journal, so that a new start fetches nothing again.

    Parameters
    ----------
    settings : Poll
        Which service, and what to ask for.
    intake : Intake
        What takes the files.
    journal : NodeJournal
        Where it is noted what was fetched.
    """

    def __init__(self, settings: Poll, intake: Intake, journal: NodeJournal) -> None:
        self._settings, self._intake, self._journal = settings, intake, journal
        self._counts: dict[str, int] = {}  # instances of a study when it was last looked at
        self._is_answering = True
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web-poll", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the service is asked, and answers."""
        return self._thread.is_alive() and self._is_answering

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End after the study in work, which is left alone when that takes longer than ten seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.ask()
                self._is_answering = True
            except LungXferError as error:
                self._is_answering = not isinstance(error, DownloadError)
                logger.warning("%s: %s", name_server(self._settings.url), error.problem)
            except Exception:  # a fault in one study must not end the look at all others
                logger.exception("the DICOMweb poll")
            self._stopping.wait(self._settings.every_seconds)

    def ask(self) -> None:
        """Take what is new. A study that cannot be had holds up no other, and is asked for again.

        DownloadError is raised when the service does not answer, or, in the end, for the first of such studies; other
        errors are those of `Intake.take_file`.
        """
        with connect(self._settings.url) as (client, _), explained_answers(self._settings.url, DownloadError):
            studies = {uid: count for uid, count in self._studies(client) if _UID.fullmatch(uid)}
        self._counts = {uid: count for uid, count in self._counts.items() if uid in studies}
        errors: list[LungXferError] = []
        for study, count in studies.items():
            if self._stopping.is_set():
                return
            if count <= 0 or self._counts.get(study) != count:
                try:
                    self._take(study)
                    self._counts[study] = count
                except (DownloadError, InputFileError) as error:
                    errors.append(error)
        if errors:
            logger.warning("%s: studies that could not be fetched: %d", name_server(self._settings.url), len(errors))
            raise errors[0]

    def _take(self, study: str) -> None:
        """Take what is new in a study."""
        with connect(self._settings.url) as (client, _), explained_answers(self._settings.url, DownloadError):
            instances = self._find_new(client, study)
        if instances:
            self._fetch(study)
            self._journal.add_fetched(instances)

    def _studies(self, client: DICOMwebClient) -> Iterator[tuple[str, int]]:
        """Yield the studies of the last days that have a wanted modality, and how many instances they have."""
        since = date.today() - timedelta(days=self._settings.days_back)
        for modality in self._settings.modalities:
            wanted = {"StudyDate": f"{since:%Y%m%d}-", "ModalitiesInStudy": modality}
            for study in _all_pages(partial(client.search_for_studies, search_filters=wanted), _STUDY):
                count = _value(study, _COUNT)
                yield _value(study, _STUDY), int(count) if count.isdigit() else 0

    def _find_new(self, client: DICOMwebClient, study: str) -> list[str]:
        """Return the instances of a study that were not fetched, of the wanted modalities."""
        found = []
        for series in client.search_for_series(study, fields=["Modality"]):
            uid = _value(series, _SERIES)
            if _value(series, _MODALITY) in self._settings.modalities and _UID.fullmatch(uid):
                instances = _all_pages(partial(client.search_for_instances, study, uid), _INSTANCE)
                found += [f"{study} {_value(instance, _INSTANCE)}" for instance in instances]
        return [name for name in found if not self._journal.is_fetched(name)]

    def _fetch(self, study: str) -> None:
        with scratch_folder() as folder:  # which the next start removes if this process is killed
            files = fetch_study(
                self._settings.url,
                study,
                folder,
                modalities=self._settings.modalities,
                on_refused=lambda error: logger.warning("%s: %s", error.source, error.problem),
            )
            for file in files:
                self._intake.take_file(file, "poll")


def _all_pages(search: Callable[..., list[dict[str, Any]]], tag: str) -> Iterator[Mapping[str, Any]]:
    """Yield what a search finds, page by page; servers that ignore the offset send the first page for ever."""
    seen: set[str] = set()
    while fresh := [item for item in search(offset=len(seen)) if _value(item, tag) not in seen]:
        yield from fresh
        seen |= {_value(item, tag) for item in fresh}


def _value(item: Mapping[str, Any], tag: str) -> str:
    """Return the first value of an attribute in the DICOM JSON model (PS3.18, annex F)."""
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])
