"""Deliveries of a DICOM node: threads of its own for each destination, so that none holds up another."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_lungxfer.inference.dicom.source import RefusedError, UnreachedError
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Delivery
from monai_lungxfer.serving.dicom.settings import Retry
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.serving.dicom.transports import Transport
from monai_lungxfer.utils.errors import InputFileError, OutputError

logger = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds until the journal is asked again when nobody has told of results
_LONGEST_PAUSE = 60.0  # seconds after which a destination that cannot be reached is asked again
_GONE = "the results are no longer in the spool"


@dataclass
class _Connection:
    """One connection to a destination, and the failures since it was last reached by it."""

    transport: Transport
    failures: int = 0
    wake: threading.Event = field(default_factory=threading.Event)


class Courier:
    """Delivers to one destination what the journal says, and tries again what did not succeed.

    Each connection has a thread. It takes what is due the longest and what no other one has in work, so that a
    destination that takes fewer connections gets everything by those. A connection that it refuses counts as a try
    only when it is reached by no other. While none reaches it, one tries at a time.

    Parameters
    ----------
    name : str
        Of the destination.
    transports : sequence of Transport
        The ways to it, one for each connection.
    spool, journal : SpoolFolder, NodeJournal
        Where results are, and noted.
    retry : Retry
        When to try again, and when to give up.
    """

    def __init__(
        self, name: str, transports: Sequence[Transport], spool: SpoolFolder, journal: NodeJournal, retry: Retry
    ) -> None:
        self.name = name
        self._spool, self._journal, self._retry = spool, journal, retry
        self._taking, self._in_work = threading.Lock(), set[int]()
        self._stopping = threading.Event()
        self._connections = [_Connection(transport) for transport in transports]
        self._threads = [
            threading.Thread(target=self._run, args=(connection,), name=f"courier-{name}-{number}", daemon=True)
            for number, connection in enumerate(self._connections)
        ]

    @property
    def is_alive(self) -> bool:
        """Whether all threads work."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def is_reached(self) -> bool:
        """Whether a connection reached the destination when it was last tried."""
        return any(connection.failures == 0 for connection in self._connections)

    @property
    def _is_tried_by_another(self) -> bool:
        """Whether the destination is out of reach and one connection tries it: two at once may keep each other out."""
        return bool(self._in_work) and not self.is_reached

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that there are results to deliver."""
        for connection in self._connections:
            connection.wake.set()

    def stop(self, timeout: float) -> None:
        """End after the deliveries in work, or leave the threads alone when that takes more seconds than `timeout`."""
        self._stopping.set()
        self.wake()
        end = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))

    def _run(self, connection: _Connection) -> None:
        while not self._stopping.is_set():
            try:
                self._deliver_due(connection)
                self._wait(connection)
            except OutputError as error:  # of the journal
                logger.error("nothing can be delivered to %s: %s", self.name, error.problem)
                self._stopping.wait(_PATIENCE)
        connection.transport.rest()

    def _wait(self, connection: _Connection) -> None:
        """Wait for new results, or until something is due."""
        with self._taking:
            is_tried = self._is_tried_by_another
            seconds = None if is_tried else self._journal.seconds_to_next(self.name, self._in_work)
        woken = connection.wake.wait(_PATIENCE if seconds is None else min(seconds, _PATIENCE))
        connection.wake.clear()
        if not woken and (seconds is None or seconds >= _PATIENCE):
            connection.transport.rest()

    def _deliver_due(self, connection: _Connection) -> None:
        while not self._stopping.is_set():
            with self._taking:
                due = [] if self._is_tried_by_another else self._journal.due(self.name, 1, self._in_work)
                self._in_work.update(delivery.number for delivery in due)
            if not due:
                return
            try:
                is_reached = self._deliver(connection, due[0])
            finally:
                with self._taking:
                    self._in_work.remove(due[0].number)
            if not is_reached:
                self.wake()  # another connection may reach it
                self._stopping.wait(min(self._delay(connection.failures), _LONGEST_PAUSE))

    def _deliver(self, connection: _Connection, delivery: Delivery) -> bool:
        """Try one delivery, and tell whether the destination was reached."""
        files: list[Path] = []
        try:
            files = self._spool.results(delivery.number)
            if not files:
                raise InputFileError(_GONE)
            connection.transport.send(files)
        except RefusedError as error:
            self._postpone(delivery, error.problem)
        except InputFileError as error:
            are_there = all(file.is_file() for file in files)  # else they were removed while they were read
            self._postpone(delivery, error.problem if are_there else _GONE, is_final=True)
        except OutputError as error:
            connection.failures += 1
            if isinstance(error, UnreachedError) and self.is_reached:  # maybe it takes fewer of them
                logger.info("a connection to %s failed (%s); its others go on", self.name, error.problem)
            else:
                self._postpone(delivery, error.problem)
            return False
        except Exception as error:  # whatever a library raises must not end the deliveries to come
            logger.exception("delivery to %s", self.name)
            connection.failures += 1
            self._postpone(delivery, f"an unexpected error ({type(error).__name__}), see the log")
            return False
        else:
            self._journal.delivered(self.name, [delivery.number])
            logger.info("radiograph %d was delivered to %s", delivery.number, self.name)
        was_reached, connection.failures = self.is_reached, 0
        if not was_reached:
            self.wake()  # the others, which have waited for this
        return True

    def _postpone(self, delivery: Delivery, reason: str, *, is_final: bool = False) -> None:
        is_final |= delivery.tries + 1 >= self._retry.tries
        delay = None if is_final else self._delay(delivery.tries)
        told = "given up" if delay is None else f"tried again in {delay:.0f} s"
        logger.warning("radiograph %d was not delivered to %s (%s); %s", delivery.number, self.name, reason, told)
        self._journal.postpone(delivery, reason, delay)

    def _delay(self, tries: int) -> float:
        """Return the seconds before the next try: twice as long each time, and by chance up to a half shorter."""
        longest = min(self._retry.first_seconds * 2 ** min(tries, 30), self._retry.longest_seconds)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret
