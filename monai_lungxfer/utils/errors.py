"""The package's exceptions: each says what is wrong, in which file, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from monai_lungxfer.utils.exit_codes import EXIT_TERMINATED


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
        return f"{self.source}: {self.without_source}" if self.source else self.without_source

    @property
    def without_source(self) -> str:
        """The message without the source, which may be a path with somebody's name in it."""
        problem = self.problem if self.problem.endswith("?") else f"{self.problem}."
        return f"{problem} {self.remedy}." if self.remedy else problem

    def __reduce__(self) -> tuple:
        # Keyword-only arguments are lost by the default protocol, and errors cross process borders.
        return (_rebuild, (type(self), self.problem, self.source, self.remedy))


def _rebuild(kind: type[LungXferError], problem: str, source: str | None, remedy: str | None) -> LungXferError:
    return kind(problem, source=source, remedy=remedy)


class InputFileError(LungXferError):
    """An image or mask file cannot be read, or is not what it should be."""


class ViewError(InputFileError):
    """A DICOM file is no frontal chest radiograph by its header, and only such were asked for."""


class DatalistError(LungXferError):
    """A datalist or a split is malformed, or its records contradict the files."""


class PlanError(LungXferError):
    """The plan of a study or command is malformed, or is not that of the study it is given for."""


class TransferError(LungXferError):
    """A parent model cannot be found, or does not fit the network."""


class BundleError(LungXferError):
    """A bundle is missing, incomplete, or its configuration does not hold together."""


class DownloadError(LungXferError):
    """A download failed, or its content is not what was announced."""


class OutputError(LungXferError):
    """A result cannot be written."""


class ClusterError(LungXferError):
    """Machines of a cluster were lost before all was done."""


class RegistryError(LungXferError):
    """A model cannot be registered, found in the registry, compared or promoted."""


def root_cause(error: BaseException) -> BaseException:
    """Return what an error was raised for: the first error of ours in its chain of causes, else the last of them.

    MONAI's parser wraps whatever a configuration raises in RuntimeErrors.
    """
    while error.__cause__ is not None and not isinstance(error, LungXferError):
        error = error.__cause__
    return error


def find_interruption(error: BaseException | None) -> KeyboardInterrupt | SystemExit | None:
    """Return the Ctrl-C or the SIGTERM that an error followed, or ``None``.

    A library that is interrupted cleans up, and when that fails, its own error hides what the user wanted: SQLAlchemy
    raises PendingRollbackError in a transaction.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and error.code == EXIT_TERMINATED):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def unknown(name: str, known: Iterable[str]) -> str:
    """Describe a name that is not known, with the nearest that is, or all."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"{name!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}")
