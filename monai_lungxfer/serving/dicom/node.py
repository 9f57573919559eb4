"""A DICOM node: sources, workers and deliveries around one journal, started and stopped together."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import ExitStack
from types import FrameType

from monai_lungxfer.inference.dicom.store_scu import OWN_TITLE
from monai_lungxfer.serving.dicom.arrivals import Intake
from monai_lungxfer.serving.dicom.delivery import Courier
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.receiver import Receiver
from monai_lungxfer.serving.dicom.retention import Retention
from monai_lungxfer.serving.dicom.settings import NodeSettings
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.serving.dicom.transports import find_transport
from monai_lungxfer.serving.dicom.watched_folder import WatchedFolder
from monai_lungxfer.serving.dicom.web_poll import WebPoll
from monai_lungxfer.serving.dicom.worker import SegmenterSource, WorkerPool
from monai_lungxfer.utils.locks import LOCK_NAME, hold_lock
from monai_lungxfer.utils.threads import granted_cores

logger = logging.getLogger(__name__)

_PROBLEM = "another node works in this spool"
_REMEDY = "Stop that node, or give each its own folder in [spool]. If it was killed, the lock is gone too"
_PATIENCE = 10.0  # seconds that deliveries in work may take when the node is stopped


class DicomNode:
    """Receives radiographs, segments them, and delivers the results. They are not a medical device's.

    Whatever ends the process, the next start goes on: what was answered with success is in the journal.

    Parameters
    ----------
    settings : NodeSettings
        All settings. `status`, `log` and `model` are for the caller.
    source : callable
        Returns the segmenter in service; called for each radiograph, from several threads.

    Attributes
    ----------
    journal : NodeJournal
        What came, and what became of it.
    spool : SpoolFolder
        Its files.
    intake : Intake
        What takes radiographs, from whatever source.
    receiver : Receiver or None
        What listens for senders.
    watched_folder : WatchedFolder or None
        The folder that is watched.
    web_poll : WebPoll or None
        The DICOMweb service that is asked.
    workers : WorkerPool
        What segments.
    couriers : tuple of Courier
        What delivers, one for each destination.
    """

    def __init__(self, settings: NodeSettings, source: SegmenterSource) -> None:
        self.settings, self._source = settings, source
        self._held = ExitStack()

    def start(self) -> None:
        """Take up what an earlier process has left, then begin to receive.

        Raises
        ------
        LungXferError
            When another node works in the spool, a port cannot be had, certificates cannot be used, or the watched
            folder is missing. Nothing is running then.
        OutputError
            When the spool cannot be written.
        """
        with ExitStack() as held:
            self.spool = SpoolFolder(self.settings.spool)
            held.enter_context(hold_lock(self.spool.folder / LOCK_NAME, _PROBLEM, _REMEDY))
            self.journal = NodeJournal(self.spool.folder)
            held.callback(self.journal.close)
            self._recover()
            self._build()
            retention = Retention(self.spool, self.journal)
            retention.start()
            held.callback(retention.stop)
            for courier in self.couriers:
                courier.start()
            held.callback(self._stop_couriers)
            self.workers.start()
            held.callback(self.workers.stop)
            for part in (self.watched_folder, self.web_poll, self.receiver):
                if part is not None:
                    part.start()
                    held.callback(part.stop)
            self._held = held.pop_all()

    def stop(self) -> None:
        """Take no more radiographs, finish those in work, and end. What waits is done after the next start."""
        logger.info("the node stops")
        self._held.close()

    def _recover(self) -> None:
        if count := self.journal.recover(destination.name for destination in self.settings.destination):
            logger.warning("radiographs that were in work when the node was ended, and are taken up: %d", count)
        self.spool.remove_strays(self.journal.files())

    def _build(self) -> None:
        settings = self.settings
        title = OWN_TITLE if settings.listen is None else settings.listen.ae_title
        self.couriers = tuple(
            Courier(
                to.name,
                [find_transport(to, title, settings.poll) for _ in range(to.connections)],
                self.spool,
                self.journal,
                settings.retry,
            )
            for to in settings.destination
        )
        self.workers = WorkerPool(
            self.spool,
            self.journal,
            self._source,
            settings.results,
            [to.name for to in settings.destination],
            on_results=self._wake_couriers,
            jobs=settings.jobs or granted_cores(),
        )
        self.intake = intake = Intake(
            self.spool, self.journal, any_view=settings.results.any_view, on_new=self.workers.wake
        )
        self.receiver = None if settings.listen is None else Receiver(settings.listen, intake)
        self.watched_folder = None if settings.watch is None else WatchedFolder(settings.watch, intake)
        self.web_poll = None if settings.poll is None else WebPoll(settings.poll, intake, self.journal)

    def _wake_couriers(self) -> None:
        for courier in self.couriers:
            courier.wake()

    def _stop_couriers(self) -> None:
        """End all couriers, and wait for them together: none of them adds to the time of the others."""
        for courier in self.couriers:
            courier.stop(0)
        end = time.monotonic() + _PATIENCE
        for courier in self.couriers:
            courier.stop(max(0.0, end - time.monotonic()))


def run_until_stopped(node: DicomNode) -> None:
    """Start a node, and stop it when SIGTERM or SIGINT asks for that; for the main thread."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        node.start()
        try:
            stopping.wait()
        finally:
            node.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
