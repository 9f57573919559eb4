"""Logs without what libraries say: a header's text or a path can be in any message, warning, print or error of theirs.

What this package logs stays as it is. Of all others is told who spoke, and what kind of message it was.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from monai_lungxfer.utils.errors import LungXferError

LIBRARY_MESSAGES = "LUNGXFER_LIBRARY_MESSAGES"
"""Environment variable: with the value 1, what libraries say is shown as it is. It can hold patients' names."""

_PACKAGE = __name__.partition(".")[0]
_FOLDER = Path(__file__).parents[1]


def shows_library_messages() -> bool:
    """Return whether the user wants to see what libraries say, whatever is in it."""
    return os.environ.get(LIBRARY_MESSAGES) == "1"


def is_own(logger: str | None) -> bool:
    """Return whether a logger is one of this package."""
    return logger is not None and logger.partition(".")[0] == _PACKAGE


def withhold_library_messages() -> None:
    """Keep what libraries say out of every log of this process, whoever writes it; see `shows_library_messages`.

    This covers their log records, their warnings, and errors that end a thread or are raised where nobody can catch
    them. `close_output` covers what they print.
    """
    if shows_library_messages():
        return
    if not isinstance(logging.getLogRecordFactory(), _WithholdingFactory):
        logging.setLogRecordFactory(_WithholdingFactory(logging.getLogRecordFactory()))
    warnings.showwarning = _log_warning
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


class _WithholdingFactory:
    """Makes log records; in those of libraries, the message is replaced before any handler can see it."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *given: Any, **options: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*given, **options)
        if record.name is not None and not is_own(record.name):
            kind = record.exc_info[0] if record.exc_info else None
            _withhold(record, record.levelname if kind is None else kind.__name__)
        return record


def _withhold(record: logging.LogRecord, kind: str) -> None:
    record.msg, record.args = f"{record.name}: {kind} (text left out)", ()
    record.exc_info = record.exc_text = record.stack_info = None


def _log_warning(
    message: Warning | str,  # noqa: ARG001 - the signature in the standard library
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    logging.getLogger(f"{_PACKAGE}.libraries").warning(
        "%s:%d: %s (text left out)", name_module(filename), lineno, category.__name__
    )


def _log_error(where: str, kind: type[BaseException], error: BaseException | None) -> None:
    raised = None if error is None else (kind, error, error.__traceback__)
    logging.getLogger(f"{_PACKAGE}.libraries").error("%s ended by %s", where, kind.__name__, exc_info=raised)


class RedactingFormatter(logging.Formatter):
    """Tracebacks with places in the source, and without the texts of libraries' errors."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name in the standard library
        """Return what was raised where, the cause first."""
        if shows_library_messages():
            return super().formatException(ei)
        return "\n".join(_describe_chain(ei[1])) if ei[1] is not None else ""


def describe_error(error: BaseException) -> str:
    """Name an error and, of this package's own errors, what it says without the file that it is about."""
    name = type(error).__name__
    return f"{name}: {error.without_source}" if isinstance(error, LungXferError) else name


def _describe_chain(error: BaseException) -> Iterator[str]:
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    for one in reversed(chain):
        yield f"{describe_error(one)}, raised at"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"  {name_module(frame.filename)}:{frame.lineno} in {frame.name}"


def name_module(filename: str) -> str:
    """Name a source file below the folder of its library, since the folders above are a user's."""
    parts = Path(filename).parts
    if _FOLDER.name in parts:
        start = len(parts) - 1 - parts[::-1].index(_FOLDER.name)
    elif "site-packages" in parts:
        start = parts.index("site-packages") + 1
    else:
        start = len(parts) - 1
    return "/".join(parts[start:])
