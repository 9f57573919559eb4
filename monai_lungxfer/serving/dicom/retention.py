"""Removes radiographs and results from the spool of a DICOM node when they need no longer be kept."""

from __future__ import annotations

import logging
import threading
import time

from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.settings_rules import ROWS_LONGER
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.utils.errors import OutputError

logger = logging.getLogger(__name__)

_EVERY = 600.0  # seconds
_SET_BACK = 3600.0  # seconds; what seems to have expired by a clock that was so far ahead has not


class Retention:
    """A thread that removes what has expired, by `keep_done_days` and `keep_failed_days` of the settings.

    Parameters
    ----------
    spool, journal : SpoolFolder, NodeJournal
        Where files are, and noted.
    """

    def __init__(self, spool: SpoolFolder, journal: NodeJournal) -> None:
        self._spool, self._journal = spool, journal
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        """Look for the first time when the system's clock has had time to be set after a boot."""
        while not self._stopping.wait(_EVERY):
            if self._journal.clock() - time.time() > _SET_BACK:
                logger.warning("nothing is removed, since the clock was set back after the start; restart the node")
                continue
            try:
                self.remove_expired()
            except OutputError as error:
                logger.error("what has expired cannot be removed: %s", error.problem)

    def remove_expired(self) -> int:
        """Remove what has expired, and return the number of radiographs.

        A file is removed before the journal says so: when the process ends in between, it is removed again.
        """
        done, failed = self._spool.settings.keep_done_days, self._spool.settings.keep_failed_days
        count = 0
        while not self._stopping.is_set() and (rows := self._journal.expired(done, failed)):
            for row in rows:
                self._spool.remove(row.number, row.file)
            self._journal.forget_files(row.number for row in rows)
            count += len(rows)
        self._journal.forget_rows(done * ROWS_LONGER, failed * ROWS_LONGER)
        if count:
            logger.info("files of %d radiographs have expired, and were removed", count)
        return count
