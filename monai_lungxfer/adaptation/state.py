"""What an adaptation has done so far, in one file, so that the same command continues it after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.data.records import read_object
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import write_text
from monai_lungxfer.utils.locks import LOCK_NAME

STATE = "adapt.json"
_FORMAT = "monai_lungxfer adaptation 1"


class AdaptationState:
    """Steps by name, each with what it found; the file is replaced as a whole after every step.

    Parameters
    ----------
    out : pathlib.Path
        The output folder.
    settings : mapping
        What must not change between two parts of one adaptation, as JSON has it.

    Raises
    ------
    LungXferError
        When the folder holds an adaptation with other settings.
    OutputError
        When the folder holds something else.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        self.path = out / STATE
        self.settings = dict(settings)
        self.steps: dict[str, Any] = {}
        if self.path.is_file():
            self._load()
        elif out.is_dir() and any(entry.name != LOCK_NAME for entry in out.iterdir()):
            raise OutputError("holds other files already", source=out, remedy="Choose another folder (--out)")

    def _load(self) -> None:
        content = read_object(self.path, format=str, settings=dict, steps=dict)
        if content["format"] != _FORMAT:
            raise LungXferError("is of another version", source=self.path, remedy="Choose another folder (--out)")
        before = content["settings"]
        changed = [
            f"{name} was {before.get(name)}, is {value}"
            for name, value in self.settings.items()
            if before.get(name) != value
        ]
        if changed:
            raise LungXferError(
                f"this folder holds an adaptation with other settings: {'; '.join(changed)}",
                source=self.path,
                remedy="Choose another output folder (--out), or give the settings again to continue it",
            )
        self.steps = content["steps"]

    def run_once(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what a step found, from the file if it is done already; what it finds must be JSON."""
        if name not in self.steps:
            if not self.path.is_file():
                self._write()  # so that the folder is known if this step fails
            self.steps[name] = work()
            self._write()
        return self.steps[name]

    def _write(self) -> None:
        content = {"format": _FORMAT, "settings": self.settings, "steps": self.steps}
        write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
