"""Checks of the installation: versions, device, DICOM codecs, memory and disk, bundles and weights."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.threads import granted_cores, use_threads
from monai_lungxfer.weights.pretrained import pretrained_path

DISTRIBUTION = "monai_lungxfer"
DEVELOPERS_EXTRAS = frozenset({"test", "dev"})
GIB = 1 << 30
# A training step of the default batch fits into the first; a run with its checkpoints and logs into the second.
ENOUGH_MEMORY = 4 * GIB
ENOUGH_DISK = 2 * GIB

# Transfer syntaxes, DICOM PS3.5 section 10 and annex A.4.
CODECS = {
    "JPEG": ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"),
    "JPEG 2000": ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"),
    "RLE": ("1.2.840.10008.1.2.5",),
}
CODECS_REMEDY = 'pip install "pylibjpeg[libjpeg,openjpeg,rle]>=2.0"'


@dataclass(frozen=True)
class InstallationCheck:
    """What was looked at, what was `found` there, and a `remedy`, a command where one helps.

    The status is "ok"; "warn" where something optional is absent or scarce; "missing" where the package cannot work.
    """

    name: str
    status: str
    found: str
    remedy: str | None = None


def run_checks() -> list[InstallationCheck]:
    """Run all checks; what is broken is a finding of theirs and not an exception."""
    return [
        *check_versions(),
        *check_device(),
        *check_codecs(),
        *check_resources(),
        *check_bundles(),
        check_donor_weights(),
    ]


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
    extras = sorted(set(metadata.get_all("Provides-Extra") or ()) - DEVELOPERS_EXTRAS)
    optional = {
        requirement.name: (requirement, extra)
        for extra in extras
        for requirement in needed
        if _applies(requirement, extra) and requirement not in required and requirement.name != DISTRIBUTION
    }
    python = _python_check(metadata["Requires-Python"])
    own = InstallationCheck(DISTRIBUTION, "ok", metadata["Version"])
    return [python, own, *map(_library_check, required), *(_library_check(*entry) for entry in optional.values())]


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


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
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return InstallationCheck(requirement.name, failed, f"not installed ({wanted})", remedy)
    fits = requirement.specifier.contains(found, prereleases=True)
    status, advice = ("ok", None) if fits else (failed, remedy)
    return InstallationCheck(requirement.name, status, f"{found} ({wanted})", advice)


def check_device() -> list[InstallationCheck]:
    """Tell which device and number format the networks would run on, and with how many threads."""
    try:
        import torch

        from monai_lungxfer.utils.precision import autocast_dtype, best_device
    except (ImportError, OSError) as error:  # OSError: a shared library of PyTorch does not load
        return [
            InstallationCheck(
                "device", "missing", f"PyTorch or MONAI cannot be imported ({error})", 'pip install "torch>=2.6"'
            )
        ]
    device = best_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    others = f"CUDA {_yes_no(torch.cuda.is_available())}, MPS {_yes_no(torch.backends.mps.is_available())}"
    dtype = autocast_dtype(device)
    waiting = os.environ.get("OMP_WAIT_POLICY", "active").lower()
    return [
        InstallationCheck("device", "ok", f"{device}: {name} ({others})"),
        InstallationCheck("precision of auto", "ok", "float32" if dtype is None else str(dtype).removeprefix("torch.")),
        InstallationCheck("threads", "ok", f"{use_threads()} of PyTorch on {granted_cores()} cores, wait {waiting}"),
    ]


def _yes_no(answer: bool) -> str:
    return "yes" if answer else "no"


def check_codecs() -> list[InstallationCheck]:
    """Ask pydicom which compressed transfer syntaxes it can decode here."""
    checks = []
    for name, syntaxes in CODECS.items():
        lacking = [uid for uid in syntaxes if not _decodes(uid)]
        status, remedy = ("missing", CODECS_REMEDY) if lacking else ("ok", None)
        found = f"lacks {', '.join(lacking)}" if lacking else f"{len(syntaxes)} of {len(syntaxes)} transfer syntaxes"
        checks.append(InstallationCheck(f"DICOM {name}", status, found, remedy))
    return checks


def _decodes(uid: str) -> bool:
    try:
        from pydicom.pixels import get_decoder
        from pydicom.uid import UID
    except ImportError:
        return _decodes_before_pydicom_3(uid)
    return get_decoder(UID(uid)).is_available


def _decodes_before_pydicom_3(uid: str) -> bool:
    # pydicom 2 answers for the plug-in as a whole; which syntaxes it decodes is the plug-in's knowledge.
    try:
        from pylibjpeg.utils import get_pixel_data_decoders
    except ImportError:
        return False
    return uid in get_pixel_data_decoders()


def check_resources() -> list[InstallationCheck]:
    """Look at the memory and at the free disk space of the current folder."""
    disk = shutil.disk_usage(Path.cwd())
    checks = [_scarcity("disk", disk.free, ENOUGH_DISK, f"free of {disk.total / GIB:.0f} GiB in {Path.cwd()}")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        checks.append(_scarcity("memory", memory, ENOUGH_MEMORY, "in this machine"))
    return checks


def _scarcity(name: str, there: int, enough: int, words: str) -> InstallationCheck:
    found = f"{there / GIB:.1f} GiB {words}"
    if there >= enough:
        return InstallationCheck(name, "ok", found)
    return InstallationCheck(name, "warn", found, f"Training wants at least {enough // GIB} GiB")


def check_bundles() -> Iterator[InstallationCheck]:
    """Find each stage's bundle and its weights."""
    for stage in STAGES.values():
        try:
            path = bundle_path(stage.name)
        except BundleError as error:
            yield InstallationCheck(f"bundle {stage.name}", "missing", str(error), "Install the package again")
            continue
        if (path / WEIGHTS).is_file():
            yield InstallationCheck(f"bundle {stage.name}", "ok", f"{path}, with weights")
        else:
            remedy = f"lungxfer train {stage.name} --data DIR"
            yield InstallationCheck(f"bundle {stage.name}", "warn", f"{path}, without weights", remedy)


def check_donor_weights() -> InstallationCheck:
    """Find weights that the general stage can start from."""
    downloaded = pretrained_path("donor")
    if downloaded.is_file():
        return InstallationCheck("donor weights", "ok", str(downloaded))
    try:
        trained = bundle_path("donor") / WEIGHTS
    except BundleError:
        trained = None
    if trained is not None and trained.is_file():
        return InstallationCheck("donor weights", "ok", str(trained))
    remedy = "lungxfer weights fetch donor, or: lungxfer train donor --data DIR"
    return InstallationCheck("donor weights", "warn", f"not at {downloaded}", remedy)
