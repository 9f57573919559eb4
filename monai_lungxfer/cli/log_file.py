"""The log file of ``--log-file``: what a run said, with times, and without anything that may name a patient."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import typer

from monai_lungxfer.bundle.redaction import PATH
from monai_lungxfer.utils.error_redaction import describe_error, describe_traceback
from monai_lungxfer.utils.log_redaction import is_own, is_withheld, redact_library_message

# Up to the closing quote, else to the end of the line: a folder's name may have spaces in it.
ABSOLUTE_PATH = re.compile(
    r"""(['"])(?:[a-z]+:/+|~|[A-Za-z]:)?[/\\].*?\1|(?<![\w.)/:])(?:~|[A-Za-z]:)?[/\\][^\s/\\].*"""
)


def open_log_file(path: Path) -> logging.Handler:
    """Return a handler that appends to a file; raises `typer.BadParameter` when it cannot be written."""
    try:
        handler = logging.FileHandler(path.expanduser(), encoding="utf-8")
    except OSError as error:
        reason = f"{path}: it cannot be written ({error.strerror}). Name a file in a folder that exists and is yours"
        raise typer.BadParameter(reason, param_hint="--log-file") from error
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or not is_withheld(record))
    return handler


class _RedactingFormatter(logging.Formatter):
    """Leave out paths and the names of images, of which any part may be a patient's name, and messages of libraries."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and below it the traceback that it has."""
        told = logging.makeLogRecord(vars(record))
        told.exc_text = None  # which another handler may have put there
        if isinstance(record.args, tuple):
            told.args = tuple(map(_redacted, record.args))
            if is_own(record.name) and str(record.msg).startswith("%s") and isinstance(record.args[0], str):
                told.args = (PATH, *told.args[1:])  # such messages begin with the name of the image
        redact_library_message(told)
        told.msg, told.args = ABSOLUTE_PATH.sub(PATH, told.getMessage()), ()
        return super().format(told)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name in the standard library
        """Return what was raised where, the cause first."""
        return describe_traceback(ei[1])


def _redacted(value: Any) -> Any:
    if isinstance(value, BaseException):
        return describe_error(value)
    return PATH if isinstance(value, Path) else value
