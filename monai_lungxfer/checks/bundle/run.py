"""All checks of a bundle, one after the other: what one of them finds does not keep the others from looking."""

from __future__ import annotations

import logging
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monai_lungxfer.bundle.files import LARGE_FILES, MANIFEST, METADATA, WEIGHTS, bundle_path
from monai_lungxfer.checks.bundle.configs import check_properties, check_references
from monai_lungxfer.checks.bundle.layout import check_files, check_sizes
from monai_lungxfer.checks.bundle.metadata import check_requirements, check_schema, check_version
from monai_lungxfer.checks.bundle.network import (
    INFERENCE,
    check_exports,
    check_network,
    check_torchscript,
    check_weights,
)
from monai_lungxfer.checks.bundle.outcome import BundleCheck, Outcome
from monai_lungxfer.checks.bundle.targets import check_targets
from monai_lungxfer.utils.errors import LungXferError, root_cause

_METADATA, _WEIGHTS, _INFERENCE = METADATA.as_posix(), WEIGHTS.as_posix(), INFERENCE.as_posix()

CHECKS = (
    BundleCheck("files", check_files, LARGE_FILES),
    BundleCheck("sizes", check_sizes, LARGE_FILES),
    BundleCheck("schema", check_schema, _METADATA),
    BundleCheck("version", check_version, _METADATA),
    BundleCheck("requirements", check_requirements, _METADATA),
    BundleCheck("configs", check_references, "configs"),
    BundleCheck("targets", check_targets, "configs"),
    BundleCheck("properties", check_properties, "configs"),
    BundleCheck("network", check_network, _METADATA, needs=_WEIGHTS),
    BundleCheck("weights", check_weights, _WEIGHTS, needs=_WEIGHTS),
    BundleCheck("torchscript", check_torchscript, _INFERENCE, needs=_WEIGHTS),
    BundleCheck("exports", check_exports, MANIFEST.as_posix(), needs=MANIFEST.as_posix()),
)
"""In the order in which the public zoo looks at a bundle."""


def verify_bundle(bundle: str | Path) -> Iterator[Outcome]:
    """Run every check on a bundle.

    Code that the bundle's configurations name is run. Nothing is written into the bundle.

    Parameters
    ----------
    bundle : str or pathlib.Path
        As for `monai_lungxfer.bundle.files.bundle_path`.

    Yields
    ------
    Outcome
        One for each of `CHECKS`, in their order.

    Raises
    ------
    BundleError
        When there is no such bundle. What is wrong with it is an outcome and not an exception.
    """
    folder = bundle_path(bundle)
    for check in CHECKS:
        yield run_check(check, folder)


def run_check(check: BundleCheck, folder: Path) -> Outcome:
    """Run one check on the folder of a bundle."""
    if check.needs is not None and not (folder / check.needs).is_file():
        return Outcome(folder.name, check.name, "skipped", f"there is no {check.needs}")
    try:
        with tempfile.TemporaryDirectory(prefix="lungxfer-verify-") as scratch, _quiet():
            return Outcome(folder.name, check.name, "ok", check.run(folder, Path(scratch)))
    except Exception as error:  # noqa: BLE001 - a broken bundle makes the libraries stumble over anything
        return _failure(check, folder, root_cause(error))


def _failure(check: BundleCheck, folder: Path, error: BaseException) -> Outcome:
    if isinstance(error, LungXferError):
        return Outcome(
            folder.name, check.name, "failed", error.problem, _within(error.source or check.file, folder), error.remedy
        )
    detail = textwrap.shorten(f"{type(error).__name__}: {error}", 400)
    return Outcome(folder.name, check.name, "failed", detail, check.file, "Mend what the message names")


def _within(file: str, folder: Path) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else file


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep libraries from telling their arguments, their warnings, and what they do, some of it on standard output."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
