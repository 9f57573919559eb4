"""The journal of a trial: a line for each image under each set of weights, from which an interrupted run continues."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from monai_lungxfer.robustness.design import Design
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import unwritable, write_text
from monai_lungxfer.utils.json_files import parse_json

NAME = "robustness.jsonl"
"""File in the output folder."""

_FORMAT = "monai_lungxfer robustness 1"

Key = tuple[str, str, str]
"""SHA-256 of the weights, name of the image, SHA-256 of its files: what a unit depends on besides the design."""


class UnitJournal:
    """Units on disk, found by their keys; only the places of lines are kept in memory.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder.
    design : Design
        What all units have in common; it is the first line.
    """

    def __init__(self, folder: Path, design: Design) -> None:
        self.path = folder / NAME
        self._head = {"format": _FORMAT, "design": design.describe()}
        self._places: dict[Key, int] = {}
        self._file: IO[bytes] | None = None

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def open(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Begin the file, or continue that of an earlier run; half a line that a killed process left is cut off.

        Raises
        ------
        OutputError
            When there is a file and it is neither to be continued nor replaced, when it is of another design, damaged,
            or cannot be written.
        """
        if self.path.exists() and not (resume or overwrite):
            raise OutputError(
                "is there already",
                source=self.path,
                remedy="Continue that run with --resume, replace it with --overwrite, or choose another folder",
            )
        if self.path.exists() and resume:
            end = self._find_places()
        else:
            write_text(self.path, json.dumps(self._head) + "\n")
            end = self.path.stat().st_size
        try:
            self._file = self.path.open("r+b")
            self._file.truncate(end)
            self._file.seek(end)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _find_places(self) -> int:
        """Read the lines of an earlier run one by one, and return where the last whole one ends."""
        with self.path.open("rb") as file:
            try:
                if parse_json(file.readline().decode()) != self._head:
                    raise OutputError(
                        "was begun with other objects, doses or seeds, or by another version",
                        source=self.path,
                        remedy="Repeat the options of the first run, choose another folder, or add --overwrite",
                    )
                end = file.tell()
                while (line := file.readline()).endswith(b"\n"):
                    self._places[_read_key(parse_json(line.decode()))] = end
                    end = file.tell()
            except (ValueError, KeyError, TypeError) as error:
                remedy = "Choose another folder, or start afresh with --overwrite"
                raise OutputError("is damaged, or not a journal", source=self.path, remedy=remedy) from error
        return end

    def add(self, key: Key, unit: dict[str, Any]) -> None:
        """Write a unit, so that a process which is killed afterwards leaves it behind."""
        if self._file is None:
            raise RuntimeError("open() comes before add()")
        place = self._file.tell()
        try:
            self._file.write(json.dumps({"key": key, **unit}).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._places[key] = place

    def read(self, keys: list[Key]) -> Iterator[dict[str, Any]]:
        """Yield the units of these keys, in this order, one in memory at a time."""
        with self.path.open("rb") as file:
            for key in keys:
                file.seek(self._places[key])
                yield parse_json(file.readline().decode())

    def close(self) -> None:
        """Close the file, which stays for a later ``--resume``."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _read_key(unit: dict[str, Any]) -> Key:
    weights, image, files = unit["key"]
    return weights, image, files
