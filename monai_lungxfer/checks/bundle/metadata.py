"""A bundle's `metadata.json`: its form, its version, and the packages that it asks for."""

from __future__ import annotations

import importlib.metadata
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from monai.bundle import verify_metadata
from packaging.version import InvalidVersion, Version

import monai_lungxfer
from monai_lungxfer.bundle.files import METADATA, bundle_metadata
from monai_lungxfer.utils.errors import BundleError


def check_schema(bundle: Path, scratch: Path) -> str:
    """Check that the metadata has the fields of MONAI's bundle specification.

    The schema that the metadata names is on the network; where a file of its name is there already, MONAI does not
    fetch it, and takes this package's own.
    """
    bundle_metadata(bundle)  # which says what is wrong with the JSON itself
    schema = scratch / "schema.json"
    with as_file(files(__package__) / "metadata_schema.json") as own:
        shutil.copyfile(own, schema)
    try:
        verify_metadata(meta_file=str(bundle / METADATA), filepath=str(schema))
    except ValueError as error:
        where = getattr(error.__cause__, "json_path", "$")
        what = getattr(error.__cause__, "message", str(error))
        raise BundleError(
            f"at {where}: {what}", source=bundle / METADATA, remedy="Correct it by MONAI's bundle specification"
        ) from error
    return "has all fields of the specification"


def check_version(bundle: Path, _scratch: Path) -> str:
    """Check that the version is the newest of the changelog, which runs from the newest to the oldest."""
    metadata = bundle_metadata(bundle)
    version, changelog = str(metadata.get("version")), metadata.get("changelog")
    named = list(changelog) if isinstance(changelog, dict) else []
    if version not in named:
        raise BundleError(
            f"version {version} has no entry in the changelog", source=bundle / METADATA, remedy="Write what changed"
        )
    try:
        ordered = sorted(named, key=Version, reverse=True)
    except InvalidVersion as error:
        raise BundleError(str(error), source=bundle / METADATA, remedy="Write three numbers, as 0.1.0") from error
    if named != ordered or version != ordered[0]:
        raise BundleError(
            f"version {version} is not the newest of the changelog ({', '.join(named)})",
            source=bundle / METADATA,
            remedy="Give the bundle the newest version, and list the newest first",
        )
    return f"{version}, the newest of {len(named)} in the changelog"


def required_packages(metadata: dict[str, Any]) -> dict[str, str]:
    """Return the distributions that a bundle asks for, with their versions."""
    own = {"monai": "monai_version", "torch": "pytorch_version", "numpy": "numpy_version"}
    packages = {name: str(metadata.get(key)) for name, key in own.items()}
    return packages | dict(metadata.get("required_packages_version") or {})


def check_requirements(bundle: Path, _scratch: Path) -> str:
    """Check that what the bundle asks for is installed, this package in the version that the bundle was made for."""
    others = []
    packages = required_packages(bundle_metadata(bundle))
    for name, wanted in packages.items():
        try:
            found = importlib.metadata.version(name) if name != "monai_lungxfer" else monai_lungxfer.__version__
        except importlib.metadata.PackageNotFoundError:
            raise BundleError(
                f"it asks for {name}, which is not installed here",
                source=bundle / METADATA,
                remedy=f"Install it (pip install {name}=={wanted}), or correct its name",
            ) from None
        if name == "monai_lungxfer" and found != wanted:
            raise BundleError(
                f"it is for {name} {wanted}, and this is {found}",
                source=bundle / METADATA,
                remedy="Write this version once the bundle works with it, or install that one",
            )
        if found.partition("+")[0] != wanted:
            others.append(f"{name} {found}")
    return f"{len(packages)} packages" + (f"; checked with other versions: {', '.join(others)}" if others else "")
