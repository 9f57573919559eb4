"""The command line's edge: consoles, exit codes, log messages, and how every kind of failure is reported."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from monai_lungxfer.utils.error_redaction import describe_traceback, may_quote_file, quote_error
from monai_lungxfer.utils.errors import ClusterError, LungXferError, find_interruption, root_cause
from monai_lungxfer.utils.exit_codes import (
    EXIT_CLUSTER,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_PIPE,
    EXIT_TERMINATED,
    EXIT_USAGE,
)
from monai_lungxfer.utils.log_redaction import (
    PROGRESS,
    RedactingFormatter,
    is_own,
    is_withheld,
    withhold_library_messages,
)
from monai_lungxfer.utils.memory import is_out_of_memory

logger = logging.getLogger(__name__)

FILE_ONLY = "file_only"
"""Attribute of log records that are for a log file: the terminal shows the same in another way."""


class _PipedConsole(Console):
    """A console whose closed pipe is reported like any other, and not by an exit code of rich's own."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


# Paths and messages may hold brackets and colons, which rich would take for markup and emoji.
console = _PipedConsole(markup=False, emoji=False)
error_console = _PipedConsole(stderr=True, markup=False, emoji=False)


def emit_json(obj: Any) -> None:
    """Write an object to standard output as indented JSON that any parser accepts.

    It may hold mappings, sequences, paths, and numbers of Python or NumPy. NaN and infinity, which JSON does not know,
    become ``null``.
    """
    typer.echo(json.dumps(_plain(obj), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return _plain(value.tolist()) if hasattr(value, "tolist") else value


class _ConsoleHandler(logging.Handler):
    """Log records through the error console, which knows how to write above a progress bar."""

    def __init__(self, package: int, others: int) -> None:
        super().__init__()
        self.package, self.others = package, others
        # That a library has said something is of use to who looks for the cause of a problem.
        self.withheld = max(others, logging.WARNING if others < logging.WARNING else logging.ERROR)
        self.setFormatter(RedactingFormatter("%(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record through by its level, unless it is for a log file only."""
        others = self.withheld if is_withheld(record) else self.others
        least = self.package if is_own(record.name) else others
        return record.levelno >= least and not getattr(record, FILE_ONLY, False)

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else ""
        text = self.format(record)
        error_console.print(text, style=style, highlight=False, soft_wrap=True)


def configure_logging(*, verbose: bool = False, quiet: bool = False, log_file: Path | None = None) -> None:
    """Send log records to standard error, and to a file.

    Shown are this package's progress and everybody's warnings; with `verbose`, this package's details and the
    libraries' progress as well; with `quiet`, errors only. Whatever is shown, the `log_file` gets the progress of
    both, and with `verbose` this package's details too. Paths and names of images are left out of it. Of libraries
    that handle files it is only told that they spoke, see `monai_lungxfer.utils.log_redaction`.
    """
    withhold_library_messages(PROGRESS)
    package, others = (logging.DEBUG, logging.INFO) if verbose else (logging.INFO, logging.WARNING)
    if quiet:
        package = others = logging.ERROR
    handlers: list[logging.Handler] = [_ConsoleHandler(package, others)]
    if log_file is not None:
        from monai_lungxfer.cli.log_file import open_log_file

        handlers.append(open_log_file(log_file))
        package, others = min(package, logging.INFO), logging.INFO
    logging.basicConfig(level=others, handlers=handlers, force=True)
    logging.getLogger("monai_lungxfer").setLevel(package)
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # standard output is for results alone
    if not verbose:
        logging.getLogger("monai.data").setLevel(logging.ERROR)  # it warns of every optional decoder that is absent
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # an exchange that fails is reported by this package
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # read when MLflow is imported
        warnings.simplefilter("ignore")  # deprecations inside the libraries; this package reports by its log


def _console_handlers() -> list[_ConsoleHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, _ConsoleHandler)]


def progress_console() -> Console:
    """Return the console for progress: standard error, or none at all with ``--quiet``."""
    quiet = any(handler.package >= logging.ERROR for handler in _console_handlers())
    return Console(stderr=True, quiet=True) if quiet else error_console


def show_warnings_only() -> None:
    """Leave out what this package tells of its progress, for a command that shows its progress in another way."""
    for handler in _console_handlers():
        if handler.package == logging.INFO:
            handler.package = logging.WARNING


@contextmanager
def reported_failures(*, debug: bool = False) -> Iterator[None]:
    """Turn whatever ends the block into one message on standard error and an exit code, by `typer.Exit`.

    The command-line library's own exceptions pass unchanged. With `debug`, the traceback is shown above the message.
    """
    started = time.monotonic()
    try:
        yield
        _note_end(0, started)
    except KeyboardInterrupt:
        _show_traceback(debug)
        error_console.print("Interrupted", style="red")
        _note_end(EXIT_INTERRUPTED, started)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _show_traceback(debug)
        # Python flushes standard output once more when it ends, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_PIPE) from None
    except Exception as error:  # the last line of defence: without --debug nobody shall see a traceback
        # Usage errors and exits of the command-line library, whatever its version, carry their exit code.
        if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
            _note_end(getattr(error, "exit_code", 1), started)
            raise
        _show_traceback(debug)
        message, code = _described(error)
        error_console.print(message, style="red", highlight=False, soft_wrap=True)  # soft: one line in a log file
        _note_end(code, started, error)
        raise typer.Exit(code) from None


def _note_end(code: int, started: float, error: Exception | None = None) -> None:
    """Tell the log file how the command ended; of an error that nobody expected also where."""
    if error is not None:
        raised = error if code == EXIT_INTERNAL else None
        logger.error("failed: %s", root_cause(error), exc_info=raised, extra={FILE_ONLY: True})
    seconds = time.monotonic() - started
    logger.info("exit code %d after %.1f s", code, seconds, extra={FILE_ONLY: True})


def _described(raised: BaseException) -> tuple[str, int]:
    if (stop := find_interruption(raised)) is not None:
        return "Interrupted", EXIT_INTERRUPTED if isinstance(stop, KeyboardInterrupt) else EXIT_TERMINATED
    error = root_cause(raised)  # MONAI's transforms and parser wrap what they met in objects and expressions
    if isinstance(error, LungXferError):
        return f"Error: {error}", EXIT_CLUSTER if isinstance(error, ClusterError) else EXIT_USAGE
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f"{error.filename}: " if error.filename else ""
        message = f"Error: {where}there is no space left on the disk. Free some, or choose another output folder."
        return message, EXIT_USAGE
    told = quote_error(error)
    if is_out_of_memory(raised):
        remedy = "Close other programs, or allow this one more memory and threads"
        return f"Error: there is not enough memory ({told}). {remedy}, and run it again.", EXIT_USAGE
    return f"Unexpected error: {told}. To see where it happened, run again with --debug", EXIT_INTERNAL


def _show_traceback(debug: bool) -> None:
    error = sys.exception()
    if debug and error is not None:
        text = describe_traceback(error) if may_quote_file(error) else traceback.format_exc()
        error_console.print(text, highlight=False, soft_wrap=True)
