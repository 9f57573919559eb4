"""The machine and the versions that numbers belong to."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

_SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8", "neon", "asimd")
_PACKAGES = (
    "monai_lungxfer",
    "monai",
    "torch",
    "onnxruntime",
    "openvino",
    "numpy",
    "scipy",
    "pillow",
    "pydicom",
    "torchxrayvision",
    "nnunetv2",
)
_ASK = (
    "import importlib.metadata as m, json\nfound = {}\n"
    f"for name in {_PACKAGES!r}:\n"
    "    try: found[name] = m.version(name)\n    except m.PackageNotFoundError: pass\nprint(json.dumps(found))"
)


def describe_machine() -> dict[str, object]:
    """Return the processor's name, its instruction sets for neural networks, cores and memory."""
    file = Path("/proc/cpuinfo")
    told = file.read_text() if file.is_file() else ""
    name = re.search(r"^model name\s*: (.*)$", told, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", told, re.MULTILINE)
    known = flags[1].split() if flags else []
    return {
        "processor": name[1] if name else platform.processor() or platform.machine(),
        "instruction_sets": [each for each in _SETS if each in known],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def describe_versions(python: Path) -> dict[str, str]:
    """Return what an environment has of the packages that matter here."""
    asked = subprocess.run([str(python), "-c", _ASK], check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, str] = json.loads(asked.stdout)
    return found
