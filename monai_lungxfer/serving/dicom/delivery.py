"""Deliveries of a DICOM node: threads of their own for each destination, so that none holds up another."""

from __future__ import annotations

import logging
import random
import threading

from monai_lungxfer.inference.dicom.source import RefusedError
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import WHOLE, Delivery, Share
from monai_lungxfer.serving.dicom.settings import Retry
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.serving.dicom.transports import Transport
from monai_lungxfer.utils.errors import InputFileError, OutputError

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 32  # deliveries that are looked up together
_PATIENCE = 5.0  # seconds until the journal is asked again when nobody has told of results
_LONGEST_PAUSE = 60.0  # seconds after which a destination that cannot be reached is asked again
_GONE = "the results are no longer in the spool"


class Courier:
    """A thread that delivers to one destination what the journal says, and tries again what did not succeed.

    Parameters
    ----------
    name : str
        Of the destination.
    transport : Transport
        The way to it.
    spool, journal : SpoolFolder, NodeJournal
        Where results are, and noted.
    retry : Retry
        When to try again, and when to give up.
    share : Share
        Which radiographs are its own; the others are those of other couriers to the same destination.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        spool: SpoolFolder,
        journal: NodeJournal,
        retry: Retry,
        share: Share = WHOLE,
    ) -> None:
        self.name, self._share = name, share
        self._transport, self._spool, self._journal, self._retry = transport, spool, journal, retry
        self._failures = 0  # since the destination was reached
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier-{name}-{share.number}", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

    @property
    def is_reached(self) -> bool:
        """Whether the destination could be reached when it was last tried."""
        return self._failures == 0

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that there are results to deliver."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """End after the delivery in work, or leave the thread alone when that takes longer than `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._deliver_due()
                self._wait()
            except OutputError as error:  # of the journal
                logger.error("nothing can be delivered to %s: %s", self.name, error.problem)
                self._stopping.wait(_PATIENCE)
        self._transport.rest()

    def _wait(self) -> None:
        """Wait for new results, or until something is due."""
        seconds = self._journal.seconds_to_next(self.name, self._share)
        woken = self._wake.wait(_PATIENCE if seconds is None else min(seconds, _PATIENCE))
        self._wake.clear()
        if not woken and (seconds is None or seconds >= _PATIENCE):
            self._transport.rest()

    def _deliver_due(self) -> None:
        for delivery in self._journal.due(self.name, _MOST_AT_ONCE, self._share):
            if self._stopping.is_set():
                return
            if not self._deliver(delivery):
                self._stopping.wait(min(self._delay(self._failures), _LONGEST_PAUSE))
                return

    def _deliver(self, delivery: Delivery) -> bool:
        """Try one delivery, and tell whether the destination was reached."""
        try:
            files = self._spool.results(delivery.number)
            if not files:
                raise InputFileError(_GONE)
            self._transport.send(files)
        except RefusedError as error:
            self._postpone(delivery, error.problem)
        except InputFileError as error:
            self._postpone(delivery, error.problem, is_final=True)
        except OutputError as error:
            self._failures += 1
            self._postpone(delivery, error.problem)
            return False
        except Exception as error:  # whatever a library raises must not end the deliveries to come
            logger.exception("delivery to %s", self.name)
            self._failures += 1
            self._postpone(delivery, f"an unexpected error ({type(error).__name__}), see the log")
            return False
        else:
            self._journal.delivered(self.name, [delivery.number])
            logger.info("radiograph %d was delivered to %s", delivery.number, self.name)
        self._failures = 0
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
