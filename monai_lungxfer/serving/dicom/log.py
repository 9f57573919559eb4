"""The log of a DICOM node: one JSON object a line, without patient data. Rotation is left to the system."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.redaction import PATH
from monai_lungxfer.serving.dicom.settings import Log
from monai_lungxfer.utils.error_redaction import describe_error, describe_traceback, shows_library_messages
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import unwritable
from monai_lungxfer.utils.log_redaction import is_own, is_withheld, redact_library_message, withhold_library_messages

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "file_only", "message", "taskName", "withheld"}
_NAMERS = ("monai_lungxfer.io.", "monai_lungxfer.inference.")
"""Loggers whose messages begin with the name of an image, or with its path."""
_NUMBERED = re.compile(r"radiograph \d+")  # what the node calls them


def configure_node_log(settings: Log) -> None:
    """Send what the process logs to one handler, in place of those that there are.

    Of libraries only warnings are told, and of these only who spoke: pydicom and pynetdicom quote headers.
    OutputError is raised when the file cannot be written.
    """
    handler = _open(settings.file)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(lambda record: is_own(record.name) or record.levelno >= logging.WARNING)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("monai_lungxfer").setLevel(settings.level)
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # the node tells of each exchange that fails
    withhold_library_messages()


def _open(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Opened again when logrotate has moved it.
        return WatchedFileHandler(file, encoding="utf-8")
    except OSError as error:
        raise unwritable(file, error) from error


class JsonFormatter(logging.Formatter):
    """One record as one line of JSON: `time` in UTC, `level`, `logger`, `message`, and what the record's `extra` holds.

    Paths are left out, and so are texts of errors that are not this package's own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = _redacted(record)
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": told.getMessage(),
        }
        if is_own(record.name):
            extra = vars(record).keys() - _STANDARD
            content |= {name: _plain(vars(record)[name]) for name in sorted(extra) if not name.startswith("_")}
        if record.exc_info and record.exc_info[1] is not None and not is_withheld(told):
            content["traceback"] = describe_traceback(record.exc_info[1]).splitlines()
        return json.dumps(content, ensure_ascii=False, default=str)


def _redacted(record: logging.LogRecord) -> logging.LogRecord:
    told = logging.makeLogRecord(vars(record))
    if isinstance(record.args, tuple):
        told.args = tuple(map(_plain, record.args))
        if record.name.startswith(_NAMERS) and str(record.msg).startswith("%s") and told.args:
            name = str(told.args[0])
            told.args = (name if _NUMBERED.fullmatch(name) else PATH, *told.args[1:])
    if not shows_library_messages():
        redact_library_message(told, ())
    return told


def _plain(value: Any) -> Any:
    """Return a value as it may stand in the log: no path, and of an error what it says without its file."""
    if isinstance(value, LungXferError):
        return value.without_source
    if isinstance(value, BaseException):
        return describe_error(value)
    if isinstance(value, Path):
        return PATH
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
