"""What a bundle tells of the other formats that its network is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import MANIFEST, WEIGHTS
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.json_files import load_json

_REMEDY = "Export the bundle again with its formats (lungxfer bundles export NAME --format …)"


def write_manifest(bundle: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, whole or not at all; an `OutputError` is raised where it cannot be written."""
    with atomic_path(bundle / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def checked_formats(bundle: Path) -> dict[str, Any]:
    """Return the manifest's entries by format, after comparing the hashes of weights and files with it.

    A `BundleError` is raised when there is no manifest, it cannot be read, or weights or a file are not as it tells.
    """
    weights, formats = _read(bundle)
    if weights != hash_file(bundle / WEIGHTS):
        raise BundleError("the formats were made from other weights", source=bundle / MANIFEST, remedy=_REMEDY)
    for name, value in _hashes(formats).items():
        file = bundle / WEIGHTS.parent / name
        if not file.is_file() or hash_file(file) != value:
            raise BundleError(f"is not as {MANIFEST.as_posix()} says", source=file, remedy=_REMEDY)
    return formats


def remaining_formats(bundle: Path) -> dict[str, Any]:
    """Return the entries of a bundle to which more formats are added; files of other weights are deleted."""
    with suppress(BundleError):
        return checked_formats(bundle)
    with suppress(BundleError):
        for name in _hashes(_read(bundle)[1]):
            (bundle / WEIGHTS.parent / name).unlink(missing_ok=True)
    return {}


def _read(bundle: Path) -> tuple[str, dict[str, Any]]:
    try:
        manifest = load_json(bundle / MANIFEST)
        weights, formats = manifest["weights_sha256"], dict(manifest["formats"])
        names = list(_hashes(formats))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError("is not a list of exported formats", source=bundle / MANIFEST, remedy=_REMEDY) from error
    if any(Path(name).name != name for name in names):
        raise BundleError("names files outside of its folder", source=bundle / MANIFEST, remedy=_REMEDY)
    return weights, formats


def _hashes(formats: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for entry in formats.values() for name, value in entry["sha256"].items()}
