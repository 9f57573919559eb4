"""Files of a bundle: which must be there, where, and how large they may be."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from monai.apps.utils import SUPPORTED_HASH_TYPES, check_hash

from monai_lungxfer.bundle.files import BELONGING, LARGE_FILES, METADATA, WEIGHTS
from monai_lungxfer.checks.bundle.configs import read_config
from monai_lungxfer.utils.errors import BundleError

MAX_SIZE = 25_000_000
"""Bytes that a file of the public model zoo may have."""

FILES = (
    "LICENSE",
    METADATA.as_posix(),
    "configs/train.yaml",
    "configs/evaluate.yaml",
    "configs/inference.yaml",
    "configs/inference_trt.yaml",
    "configs/multi_gpu_train.yaml",
    "configs/logging.conf",
    "docs/README.md",
    "docs/data_license.txt",
    WEIGHTS.as_posix(),
)
"""What must be in a bundle; the zoo wants the first two, the inference configuration and the weights."""

# What may stand in a bundle's folder, `eval` being where a run leaves its results.
_TOP = BELONGING | {"eval"}


def check_files(bundle: Path, _scratch: Path) -> str:
    """Check that every file is there, none of them empty, and that nothing stands where it does not belong."""
    listed = {entry.get("path") for entry in _large_files(bundle)}
    for name in FILES:
        file = bundle / name
        if not file.is_file() and name not in listed:
            raise BundleError("is missing", source=file, remedy=f"Write it, or list it in {LARGE_FILES}")
        if file.is_file() and not file.stat().st_size:
            raise BundleError("is empty", source=file, remedy="Write it")
    stray = sorted(path.name for path in bundle.iterdir() if path.name not in _TOP)
    if stray:
        raise BundleError(
            "does not belong into a bundle's folder",
            source=bundle / stray[0],
            remedy="Move it to configs, docs or models, or remove it",
        )
    return f"{len(FILES)} files, none of them empty"


def check_sizes(bundle: Path, _scratch: Path) -> str:
    """Check that no file is too large for the zoo, unless it is listed with an address and a hash."""
    entries = _large_files(bundle)
    for entry in entries:
        _check_entry(bundle, entry)
    listed = {entry["path"] for entry in entries}
    sizes = {
        file.relative_to(bundle).as_posix(): file.stat().st_size
        for file in sorted(bundle.rglob("*"))
        if file.is_file() and file.relative_to(bundle).parts[0] != "eval"
    }
    for name, size in sizes.items():
        if size >= MAX_SIZE and name not in listed:
            raise BundleError(
                f"has {size / 1e6:.1f} MB, and less than {MAX_SIZE / 1e6:.0f} MB are allowed",
                source=bundle / name,
                remedy=f"Pack the weights (lungxfer weights pack), or list it with url and hash in {LARGE_FILES}",
            )
    return f"the largest of {len(sizes)} files has {max(sizes.values()) / 1e6:.1f} MB, {len(listed)} listed as large"


def _large_files(bundle: Path) -> list[dict[str, Any]]:
    file = bundle / LARGE_FILES
    if not file.is_file():
        return []
    content = read_config(file)
    entries = content.get("large_files")
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        raise BundleError("it has no list large_files", source=file, remedy="Write path, url, hash_type and hash_val")
    return entries


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values() if value is not None)


def _check_entry(bundle: Path, entry: dict[str, Any]) -> None:
    source = bundle / LARGE_FILES
    missing = [key for key in ("path", "url", "hash_type", "hash_val") if not entry.get(key)]
    if missing:
        raise BundleError(
            f"an entry has no {missing[0]}", source=source, remedy="Write path, url, hash_type and hash_val"
        )
    path = PurePosixPath(entry["path"])
    if path.is_absolute() or ".." in path.parts:
        raise BundleError(f"the path {path} leads out of the bundle", source=source, remedy="Give a path within it")
    if not str(entry["url"]).startswith("https://"):
        raise BundleError(f"the url of {path} is not https", source=source, remedy="Give an https address")
    if entry["hash_type"] not in SUPPORTED_HASH_TYPES:
        raise BundleError(f"there is no hash {entry['hash_type']!r}", source=source, remedy="Use sha256")
    if (bundle / path).is_file() and not check_hash(bundle / path, entry["hash_val"], entry["hash_type"]):
        raise BundleError(
            f"has not the {entry['hash_type']} of {LARGE_FILES}",
            source=bundle / path,
            remedy="Download it again, or write the hash of this file",
        )
