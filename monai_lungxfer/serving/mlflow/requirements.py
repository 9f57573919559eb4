"""What an environment needs to run a logged model: packages of an index, in the versions that are installed here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from monai_lungxfer.bundle.files import WEIGHTS, bundle_adapters
from monai_lungxfer.inference.engines.pipeline_file import pipeline_beside

_DISTRIBUTION = "monai_lungxfer"
_EXTRAS = ("runtime", "mlflow")
_ALWAYS = ("mlflow", "pandas")
_FOR_TORCH = ("torch", "monai")
_COMPILED = pipeline_beside(WEIGHTS)


def model_requirements(bundle: Path) -> list[str]:
    """Return the lines of the model's ``requirements.txt``.

    They are what this package's metadata asks for, with its extras ``runtime`` and ``mlflow``, and PyTorch and MONAI
    where the bundle has no compiled pipeline, or adapters. The package itself is not among them: its code goes with
    the model.

    Parameters
    ----------
    bundle : pathlib.Path
        The folder of the bundle that is logged.
    """
    is_compiled = (bundle / _COMPILED).is_file() and not bundle_adapters(bundle)
    more = _ALWAYS if is_compiled else (*_ALWAYS, *_FOR_TORCH)
    wanted = {canonicalize_name(one.name): one for one in [*map(Requirement, more), *_asked_for(set(_EXTRAS))]}
    return [_pinned(wanted[name]) for name in sorted(wanted)]


def _asked_for(extras: set[str]) -> list[Requirement]:
    """Return what the metadata asks for without an extra, and with these and those that they name in turn."""
    asked = [one for one in map(Requirement, importlib.metadata.requires(_DISTRIBUTION) or ()) if _applies(one, extras)]
    own = [one for one in asked if canonicalize_name(one.name) == canonicalize_name(_DISTRIBUTION)]
    named = extras.union(*(one.extras for one in own))
    return _asked_for(named) if named != extras else [one for one in asked if one not in own]


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _pinned(requirement: Requirement) -> str:
    """Pin to the installed version, without its local part such as PyTorch's "+cpu", which no index has.

    What is not installed, such as a part of an extra, stays as the metadata asks for it.
    """
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    try:
        version = Version(importlib.metadata.version(requirement.name)).public
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name}{extras}{requirement.specifier}"
    return f"{requirement.name}{extras}=={version}"
