"""What a result was computed by: the version of this package, the libraries, and the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from functools import lru_cache
from pathlib import Path

import monai_lungxfer

LIBRARIES = ("torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "pillow", "pydicom", "mlflow")


@lru_cache
def code_version() -> str:
    """Return the package's version; in a checkout with its commit, and whether files differ from that.

    So it is "0.1.0", "0.1.0+g17a26e8" or "0.1.0+g17a26e8.changed".
    """
    checkout = Path(monai_lungxfer.__file__).resolve().parents[1]
    # Not any folder above: an installed package may lie in an environment inside somebody's own repository.
    if not (checkout / ".git").exists():
        return monai_lungxfer.__version__
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=7", "--dirty=.changed", "--exclude=*"]
    try:
        described = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    # No git command, no commit yet, or a checkout of somebody else's, such as a folder mounted in a container.
    except (OSError, subprocess.CalledProcessError):
        return monai_lungxfer.__version__
    return f"{monai_lungxfer.__version__}+g{described}"


def environment() -> dict[str, str]:
    """Return versions of the libraries and the kind of machine, without names of machine, user or folders."""
    import torch

    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return {
        "python": platform.python_version(),
        **versions,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}{device}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
