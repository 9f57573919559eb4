"""The package's exceptions: each says what is wrong, in which file, and what to do about it."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BundleError",
    "DatalistError",
    "DownloadError",
    "InputFileError",
    "LungXferError",
    "OutputError",
    "TransferError",
]


class LungXferError(Exception):
    """Base of every error that a user can mend.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence without a full stop.
    source : str or pathlib.Path, optional
        The file, record or setting that the problem is in.
    remedy : str, optional
        What the user can do, in one sentence without a full stop.
    """

    def __init__(self, problem: str, *, source: str | Path | None = None, remedy: str | None = None) -> None:
        self.problem = problem
        self.source = None if source is None else str(source)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        located = f"{self.source}: {self.problem}" if self.source else self.problem
        return f"{located}. {self.remedy}." if self.remedy else f"{located}."

    def __reduce__(self) -> tuple:
        # Keyword-only arguments are lost by the default protocol, and errors cross process borders.
        return (_rebuild, (type(self), self.problem, self.source, self.remedy))


def _rebuild(kind: type[LungXferError], problem: str, source: str | None, remedy: str | None) -> LungXferError:
    return kind(problem, source=source, remedy=remedy)


class InputFileError(LungXferError):
    """An image or mask file cannot be read, or is not what it should be."""


class DatalistError(LungXferError):
    """A datalist or a split is malformed, or its records contradict the files."""


class TransferError(LungXferError):
    """A parent model cannot be found, or does not fit the network."""


class BundleError(LungXferError):
    """A bundle is missing, incomplete, or its configuration does not hold together."""


class DownloadError(LungXferError):
    """A download failed, or its content is not what was announced."""


class OutputError(LungXferError):
    """A result cannot be written."""
