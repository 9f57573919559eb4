"""The log file of ``--log-file``: what a run said, with times, and without anything that may name a patient."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from monai_lungxfer.bundle.redaction import PATH
from monai_lungxfer.utils.errors import LungXferError

PACKAGE_FOLDER = Path(__file__).parents[1]
# Up to the closing quote, else to the end of the line: a folder's name may have spaces in it.
ABSOLUTE_PATH = re.compile(
    r"""(['"])(?:[a-z]+:/+|~|[A-Za-z]:)?[/\\].*?\1|(?<![\w.)/:])(?:~|[A-Za-z]:)?[/\\][^\s/\\].*"""
)
FOREIGN_ERROR = re.compile(r"((?:[Ee]xception|[Ee]rror): ).*", re.DOTALL)


def open_log_file(path: Path) -> logging.Handler:
    """Return a handler that appends to a file; raises `typer.BadParameter` when it cannot be written."""
    try:
        handler = logging.FileHandler(path.expanduser(), encoding="utf-8")
    except OSError as error:
        reason = f"{path}: it cannot be written ({error.strerror}). Name a file in a folder that exists and is yours"
        raise typer.BadParameter(reason, param_hint="--log-file") from error
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    return handler


class _RedactingFormatter(logging.Formatter):
    """Leave out paths and the names of images, of which any part may be a patient's name, and messages of libraries."""

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, and below it the traceback that it has."""
        told = logging.makeLogRecord(vars(record))
        told.exc_info = told.exc_text = None
        own = record.name.startswith("monai_lungxfer")
        if isinstance(record.args, tuple):
            told.args = tuple(map(_redacted, record.args))
            if own and str(record.msg).startswith("%s") and isinstance(record.args[0], str):
                told.args = (PATH, *told.args[1:])  # such messages begin with the name of the image
        text = ABSOLUTE_PATH.sub(PATH, told.getMessage())
        told.msg, told.args = text if own else FOREIGN_ERROR.sub(r"\1…", text), ()
        lines = [super().format(told)]
        if record.exc_info and record.exc_info[1] is not None:
            lines += _traceback(record.exc_info[1])
        return "\n".join(lines)


def _redacted(value: Any) -> Any:
    if isinstance(value, BaseException):
        return _message(value)
    return PATH if isinstance(value, Path) else value


def _message(error: BaseException) -> str:
    """Name an error and, of this package's own errors, what it says without the file that it is about."""
    name = type(error).__name__
    return f"{name}: {error.without_source}" if isinstance(error, LungXferError) else name


def _traceback(error: BaseException) -> Iterator[str]:
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    for one in reversed(chain):
        yield f"{_message(one)}, raised at"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"  {_module(frame.filename)}:{frame.lineno} in {frame.name}"


def _module(filename: str) -> str:
    """Name a source file below the folder of its library, since the folders above are a user's."""
    parts = Path(filename).parts
    if PACKAGE_FOLDER.name in parts:
        start = len(parts) - 1 - parts[::-1].index(PACKAGE_FOLDER.name)
    elif "site-packages" in parts:
        start = parts.index("site-packages") + 1
    else:
        start = len(parts) - 1
    return "/".join(parts[start:])
