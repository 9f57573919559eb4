"""Files that requests have sent, of which MONAI Label deletes those of requests that went well."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["TEMPORARY", "remove_old_files"]

TEMPORARY = "tmp"
"""Folder beside the app's that holds them."""

_OLD = 3600  # seconds, in which every request has been answered


def remove_old_files(folder: Path) -> None:
    """Delete the files of a folder that are older than an hour, of requests that broke off half-way."""
    for file in folder.iterdir():
        if file.is_file() and time.time() - file.stat().st_mtime > _OLD:
            file.unlink(missing_ok=True)
