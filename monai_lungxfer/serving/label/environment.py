"""The environment that MONAI Label needs for itself, made when it is missing."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import venv
from importlib.resources import files
from pathlib import Path

from filelock import FileLock

from monai_lungxfer.utils.errors import LungXferError

logger = logging.getLogger(__name__)

MONAI_LABEL = "monailabel==0.8.5"
"""Installed without its requirements: in its place stand those of requirements.txt."""

_CACHE = Path("~/.cache/monai_lungxfer/label")
_MARK = "made_by"


def environment_hash(requirements: str) -> str:
    """Return 12 hexadecimal digits that stand for what an environment is made of."""
    recipe = f"{sys.version_info[:2]} {MONAI_LABEL}\n{requirements}"
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def label_environment(cache: str | Path = _CACHE) -> Path:
    """Return the environment's Python, after making the environment if it is missing or incomplete.

    In the folder `cache`, each recipe has an environment of its own, so that an update leaves the old one alone. When
    packages cannot be installed, the next call makes it anew.
    """
    listed = files(__package__) / "requirements.txt"
    requirements = listed.read_text(encoding="utf-8")
    folder = Path(cache).expanduser() / environment_hash(requirements)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # a second server waits for the first one to be done
        if not (folder / _MARK).is_file():
            logger.info("Making the environment of MONAI Label (4 GB, some minutes): %s", folder)
            _make(folder, python, str(listed))
            (folder / _MARK).write_text(f"{MONAI_LABEL}\n{requirements}", encoding="utf-8")
    return python


def _make(folder: Path, python: Path, requirements: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted making has left
    venv.create(folder, with_pip=True, symlinks=sys.platform != "win32")
    # Packages that PYTHONPATH leads to would count as installed.
    variables = {**os.environ, "PYTHONPATH": ""}
    for words in (("-r", requirements), ("--no-deps", MONAI_LABEL)):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)  # noqa: S603
        if done.returncode != 0:
            raise LungXferError(
                f"the environment of MONAI Label cannot be made: {_last_line(done.stderr)}",
                source=folder,
                remedy="Check the connection to the package index and the space on the disk, and start again",
            )


def _last_line(text: str) -> str:
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return (errors or text.splitlines() or ["pip told nothing"])[-1]
