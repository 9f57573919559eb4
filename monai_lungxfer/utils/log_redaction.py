"""Logs without what libraries say: a header's text or a path can be in any message, warning or print of theirs.

What this package logs stays as it is. Of all others is told who spoke, and what kind of message it was.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from monai_lungxfer.utils.error_redaction import describe_traceback, name_module, shows_library_messages

PROGRESS = ("alembic", "ignite", "mlflow", "monai.bundle", "monai.engines", "monai.handlers", "openvino", "torch")
"""Loggers, with those below them, of libraries that see no file's header: a training's user wants their words."""

_PACKAGE = __name__.partition(".")[0]
logger = logging.getLogger(__name__)
_ERROR_TEXT = re.compile(r"((?:[Ee]xception|[Ee]rror): ).*", re.DOTALL)


def is_own(name: str) -> bool:
    """Return whether a logger is one of this package."""
    return name.partition(".")[0] == _PACKAGE


def withhold_library_messages(shown: Iterable[str] | None = ()) -> None:
    """Keep what libraries log, and what they warn of, out of every log of this process, whoever writes it.

    The libraries `shown` are left as they are; so are all if it is ``None``, or if `shows_library_messages`.
    """
    if shown is None or shows_library_messages():
        _FACTORY.shown = None
        return
    _FACTORY.install()
    _FACTORY.shown = tuple(shown)
    warnings.showwarning = _log_warning


def report_stray_errors() -> None:
    """Log errors that end a thread, or that nobody can catch, by their kind and place: Python would quote them."""
    if not shows_library_messages():
        sys.excepthook = lambda kind, error, _: _log_error("the program", kind, error)
        sys.unraisablehook = lambda told: _log_error("a clean-up", told.exc_type, told.exc_value)
        threading.excepthook = lambda told: _log_error("a thread", told.exc_type, told.exc_value)


def close_output() -> TextIO:
    """Return standard error, for this package alone: whatever else is printed, by child processes too, is lost.

    Libraries in C write to the file descriptors, not to Python's streams, so the descriptors themselves are led away.
    """
    if shows_library_messages():
        return sys.stderr
    kept = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return kept


class _RecordFactory:
    """Makes log records; in those of libraries, the message is replaced before any handler can see it.

    That is so for all libraries but those in `shown`. When that is ``None``, it is so in threads that read a file.
    """

    def __init__(self) -> None:
        self.shown: tuple[str, ...] | None = None
        self.thread = threading.local()
        self._make: Callable[..., logging.LogRecord] | None = None

    def install(self) -> None:
        """Take the place of the factory that there is, once; another one may have been put around this one since."""
        if self._make is None:
            self._make = logging.getLogRecordFactory()
            logging.setLogRecordFactory(self)

    def __call__(self, *given: Any, **options: Any) -> logging.LogRecord:
        record: logging.LogRecord = (self._make or logging.LogRecord)(*given, **options)
        is_reading = getattr(self.thread, "is_reading", False) and not shows_library_messages()
        if record.name is not None and (self.shown is not None or is_reading):
            redact_library_message(record, () if is_reading else self.shown or ())
        return record


_FACTORY = _RecordFactory()


def withhold_in_this_thread(is_reading: bool) -> None:
    """Keep what libraries log out of the log records of this thread, in a process that is somebody else's."""
    _FACTORY.install()
    _FACTORY.thread.is_reading = is_reading


def redact_library_message(record: logging.LogRecord, shown: Iterable[str] = PROGRESS) -> None:
    """Replace a library's message, in place; of libraries that are `shown`, only what it quotes of an error."""
    if is_own(record.name) or is_withheld(record):
        return
    kind = record.exc_info[0] if record.exc_info else None
    if _is_below(record.name, shown):
        record.msg = _ERROR_TEXT.sub(r"\1…", record.getMessage())
    else:
        record.msg = f"{record.name}: {kind.__name__ if kind else record.levelname} (text left out)"
        record.withheld = True
    record.args = ()
    record.exc_info = record.exc_text = record.stack_info = None


def is_withheld(record: logging.LogRecord) -> bool:
    """Return whether a record's message was replaced."""
    return getattr(record, "withheld", False)


def _is_below(name: str, parents: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{parent}.") for parent in parents)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the signature in the standard library
    line: str | None = None,  # noqa: ARG001
) -> None:
    module = name_module(filename)
    is_shown = _is_below(module.replace("/", "."), _FACTORY.shown or ())
    text = message if is_shown else "(text left out)"
    logger.warning("%s:%d: %s %s", module, lineno, category.__name__, text)


def _log_error(where: str, kind: type[BaseException], error: BaseException | None) -> None:
    raised = None if error is None else (kind, error, error.__traceback__)
    logger.error("%s ended by %s", where, kind.__name__, exc_info=raised)


class RedactingFormatter(logging.Formatter):
    """Tracebacks with places in the source, and without the texts of libraries' errors."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name in the standard library
        """Return what was raised where, the cause first."""
        if shows_library_messages() or ei[1] is None:
            return super().formatException(ei)
        return describe_traceback(ei[1])
