"""What a check is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BundleCheck:
    """One check of a bundle.

    Attributes
    ----------
    name : str
        What is looked at, in a word or two.
    run : callable
        Takes the bundle's folder, which it leaves as it is, and an empty folder to work in. Returns what was found,
        and raises a `BundleError` when that is not as it should be.
    file : str
        Within the bundle: what is to be mended when the check ends by an error of another library.
    needs : str or None
        A file within the bundle without which there is nothing to check.
    """

    name: str
    run: Callable[[Path, Path], str]
    file: str
    needs: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one check.

    Attributes
    ----------
    bundle, check : str
        Their names.
    status : {"ok", "failed", "skipped"}
        Skipped: there is nothing to check.
    detail : str
        What was found, what is wrong, or why it was skipped.
    file : str or None
        Where it is wrong, relative to the bundle's folder.
    remedy : str or None
        What to do about it.
    """

    bundle: str
    check: str
    status: str
    detail: str
    file: str | None = None
    remedy: str | None = None
