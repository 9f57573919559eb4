"""Keeping what decoding libraries say about bad headers off the terminal: it can quote a patient's name."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from monai_lungxfer.utils.log_redaction import withhold_in_this_thread

_TALKATIVE = ("PIL.TiffImagePlugin", "nibabel.global", "openjpeg", "pydicom", "pylibjpeg")


class _Warnings:
    """Turns Python's warnings off while at least one thread is inside.

    Their filters belong to the process, so `warnings.catch_warnings` alone, entered by two threads, can leave
    them changed for good. Here the first thread that enters saves them, and the last that leaves restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()

    def off(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")

    def restore(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(None, None, None)


_WARNINGS = _Warnings()
_THREAD = threading.local()


def _is_wanted(record: logging.LogRecord) -> bool:  # noqa: ARG001 - the signature of a filter
    return not getattr(_THREAD, "quiet", False)


for _name in _TALKATIVE:
    logging.getLogger(_name).addFilter(_is_wanted)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, and what this thread makes the decoding libraries log. Threads may enter it together.

    Of what other libraries log meanwhile, the text is left out.
    """
    _THREAD.quiet = True
    withhold_in_this_thread(True)
    _WARNINGS.off()
    try:
        yield
    finally:
        _WARNINGS.restore()
        withhold_in_this_thread(False)
        _THREAD.quiet = False
