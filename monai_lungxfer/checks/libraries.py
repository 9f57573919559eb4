"""Checks of the libraries that are installed: those that are required, and which extras are complete."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

DISTRIBUTION = "monai_lungxfer"
NO_FEATURES = frozenset({"test", "dev", "fuzz", "all"})
"""Extras for developers, and that which only joins the others."""


@dataclass(frozen=True)
class InstallationCheck:
    """What was looked at, what was `found` there, and a `remedy`, a command where one helps.

    The status is "ok"; "warn" where something optional is absent or scarce; "missing" where the package cannot work.
    """

    name: str
    status: str
    found: str
    remedy: str | None = None


def check_versions() -> list[InstallationCheck]:
    """Compare Python and the installed libraries with the ranges that the package's own metadata asks for."""
    try:
        metadata = importlib.metadata.metadata(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return [
            InstallationCheck(DISTRIBUTION, "missing", "not installed", "pip install -e . (in the folder of setup.cfg)")
        ]
    needed = [Requirement(text) for text in metadata.get_all("Requires-Dist") or ()]
    required = [requirement for requirement in needed if _applies(requirement, "")]
    extras = sorted(set(metadata.get_all("Provides-Extra") or ()) - NO_FEATURES)
    optional = {extra: list(_brought_by(extra, needed, required)) for extra in extras}
    installed = {
        requirement.name: (requirement, extra)
        for extra, requirements in optional.items()
        for requirement in requirements
        if _found(requirement) is not None
    }
    return [
        _python_check(metadata["Requires-Python"]),
        InstallationCheck(DISTRIBUTION, "ok", metadata["Version"]),
        *map(_library_check, required),
        *(_library_check(*entry) for entry in installed.values()),
        *(_extra_check(*entry) for entry in optional.items()),
    ]


def _brought_by(extra: str, needed: Sequence[Requirement], required: Sequence[Requirement]) -> Iterator[Requirement]:
    """Yield what an extra adds to the required libraries, that of the extras in it among it."""
    for requirement in needed:
        if not _applies(requirement, extra) or requirement in required:
            continue
        if canonicalize_name(requirement.name) != canonicalize_name(DISTRIBUTION):
            yield requirement
            continue
        for inner in requirement.extras:
            yield from _brought_by(inner, needed, required)


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _found(requirement: Requirement) -> str | None:
    try:
        return importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extra_check(extra: str, requirements: Sequence[Requirement]) -> InstallationCheck:
    lacking = sorted({requirement.name for requirement in requirements if _found(requirement) is None})
    if not lacking:
        return InstallationCheck(f"extra {extra}", "ok", "complete")
    return InstallationCheck(
        f"extra {extra}", "warn", f"lacks {', '.join(lacking)}", f'pip install "{DISTRIBUTION}[{extra}]"'
    )


def _python_check(needed: str) -> InstallationCheck:
    found = platform.python_version()
    fits = SpecifierSet(needed).contains(found, prereleases=True)
    status, remedy = ("ok", None) if fits else ("missing", f"Install a Python {needed}")
    return InstallationCheck("python", status, f"{found} (needs {needed})", remedy)


def _library_check(requirement: Requirement, extra: str | None = None) -> InstallationCheck:
    failed = "warn" if extra else "missing"
    wanted = f"needs {requirement.specifier}" + (f", optional: {extra}" if extra else "")
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    remedy = f'pip install "{requirement.name}{extras}{requirement.specifier}"'
    found = _found(requirement)
    if found is None:
        return InstallationCheck(requirement.name, failed, f"not installed ({wanted})", remedy)
    fits = requirement.specifier.contains(found, prereleases=True)
    status, advice = ("ok", None) if fits else (failed, remedy)
    return InstallationCheck(requirement.name, status, f"{found} ({wanted})", advice)
