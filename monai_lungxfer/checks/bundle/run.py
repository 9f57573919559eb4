"""All checks of a bundle, one after the other: what one of them finds does not keep the others from looking."""

from __future__ import annotations

import logging
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.bundle.files import ADAPTERS, LARGE_FILES, MANIFEST, METADATA, WEIGHTS, bundle_path
from monai_lungxfer.checks.bundle.configs import check_properties, check_references
from monai_lungxfer.checks.bundle.layout import check_files, check_sizes
from monai_lungxfer.checks.bundle.metadata import check_requirements, check_schema, check_version
from monai_lungxfer.checks.bundle.network import (
    INFERENCE,
    PIPELINE,
    check_adapters,
    check_card,
    check_exports,
    check_network,
    check_pipeline,
    check_prediction,
    check_torchscript,
    check_weights,
)
from monai_lungxfer.checks.bundle.targets import check_packages, check_targets
from monai_lungxfer.utils.errors import LungXferError, root_cause
from monai_lungxfer.weights.bundle_facts import CARD

_ADAPTERS = ADAPTERS.as_posix()
_METADATA, _WEIGHTS, _INFERENCE = METADATA.as_posix(), WEIGHTS.as_posix(), INFERENCE.as_posix()


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
        A file or folder within the bundle without which there is nothing to check.
    runs : bool
        Whether code that the bundle names is imported or run.
    refuses : bool
        Whether nothing of the bundle is run any more when this check fails.
    """

    name: str
    run: Callable[[Path, Path], str]
    file: str
    needs: str | None = None
    runs: bool = False
    refuses: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of the check of that name on the bundle of that name.

    The status is "ok", "failed" or "skipped" (there is nothing to check). The detail is what was found, what is wrong,
    or why it was skipped. `file`, relative to the bundle's folder, is where it is wrong; `remedy` is what to do.
    """

    bundle: str
    check: str
    status: str
    detail: str
    file: str | None = None
    remedy: str | None = None


CHECKS = (
    BundleCheck("files", check_files, LARGE_FILES),
    BundleCheck("sizes", check_sizes, LARGE_FILES),
    BundleCheck("schema", check_schema, _METADATA),
    BundleCheck("version", check_version, _METADATA),
    BundleCheck("requirements", check_requirements, _METADATA),
    BundleCheck("configs", check_references, "configs", refuses=True),
    BundleCheck("packages", check_packages, "configs", refuses=True),
    BundleCheck("targets", check_targets, "configs", runs=True, refuses=True),
    BundleCheck("properties", check_properties, "configs", runs=True),
    BundleCheck("card", check_card, CARD.as_posix(), needs=_WEIGHTS),
    BundleCheck("network", check_network, _METADATA, needs=_WEIGHTS, runs=True),
    BundleCheck("weights", check_weights, _WEIGHTS, needs=_WEIGHTS, runs=True, refuses=True),
    BundleCheck("prediction", check_prediction, _INFERENCE, needs=_WEIGHTS, runs=True),
    BundleCheck("pipeline", check_pipeline, PIPELINE.as_posix(), needs=_WEIGHTS, runs=True),
    BundleCheck("torchscript", check_torchscript, _INFERENCE, needs=_WEIGHTS, runs=True),
    BundleCheck("exports", check_exports, MANIFEST.as_posix(), needs=MANIFEST.as_posix()),
    BundleCheck("adapters", check_adapters, _ADAPTERS, needs=_ADAPTERS, runs=True),
)
"""In the order in which the public zoo looks at a bundle."""


def verify_bundle(bundle: str | Path, *, run: bool = True) -> Iterator[Outcome]:
    """Make every check on a bundle, given as for `monai_lungxfer.bundle.files.bundle_path`.

    Code that the bundle's configurations name is run, until a check that `refuses` has failed; without `run`, none is.
    Nothing is written into the bundle. What is wrong with it is an outcome, in the order of `CHECKS`, and not an
    exception. When there is no such bundle, a `BundleError` is raised.
    """
    folder = bundle_path(bundle)
    reason = None if run else "would run code of the bundle (--no-run)"
    for check in CHECKS:
        if check.runs and reason is not None:
            yield Outcome(folder.name, check.name, "skipped", reason)
            continue
        outcome = run_check(check, folder)
        yield outcome
        if outcome.status == "failed" and check.refuses:
            reason = reason or f"would run code of the bundle, which {check.name} refuses"


def run_check(check: BundleCheck, folder: Path) -> Outcome:
    """Run one check on the folder of a bundle."""
    if check.needs is not None and not (folder / check.needs).exists():
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
    return Outcome(folder.name, check.name, "failed", detail, check.file, "Correct what the message names")


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
