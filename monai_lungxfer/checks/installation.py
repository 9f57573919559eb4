"""Checks of the installation: versions, device, DICOM codecs, memory and disk, bundles and weights."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path, weights_remedy
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.checks.libraries import InstallationCheck, check_versions
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.threads import granted_cores, use_threads
from monai_lungxfer.weights.pretrained import pretrained_path

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


def check_device() -> list[InstallationCheck]:
    """Tell which device and number format the networks would run on, and with how many threads."""
    try:
        import torch

        from monai_lungxfer.utils.precision import autocast_dtype, best_device
    except ModuleNotFoundError as error:
        return [_device_without_torch(error)]
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


def _device_without_torch(error: ModuleNotFoundError) -> InstallationCheck:
    """Look for the library that predicts where nothing else can."""
    try:
        import onnxruntime
    except (ImportError, OSError) as broken:
        found = f"{error.name} is not installed, and ONNX Runtime cannot be imported ({broken})"
        return InstallationCheck("device", "missing", found, 'pip install "onnxruntime>=1.24"')
    found = f"cpu: ONNX Runtime {onnxruntime.__version__} on {granted_cores()} cores ({error.name} is not installed)"
    return InstallationCheck("device", "ok", found)


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
            yield InstallationCheck(f"bundle {stage.name}", "warn", f"{path}, without weights", weights_remedy(path))


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
