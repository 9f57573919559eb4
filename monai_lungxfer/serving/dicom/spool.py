"""The folder in which a DICOM node keeps radiographs and results until they are delivered and have expired."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.serving.dicom.settings import Spool
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path, unwritable

_MEGABYTE = 1_000_000


class SpoolFullError(OutputError):
    """The spool takes no more radiographs for now: the disk is nearly full, or too many wait."""


class SpoolFolder:
    """The files of a node: `radiographs/` as they came, and a folder in `results/` for the results of each.

    Names are made here, never from what a sender says. What a method has written is on the disk when it returns.

    Parameters
    ----------
    settings : Spool
        Where it is, and how much space must be left.

    Raises
    ------
    OutputError
        When the folders cannot be made.
    """

    def __init__(self, settings: Spool) -> None:
        self.settings = settings
        self.folder = settings.folder.expanduser().absolute()
        self._radiographs, self._results = self.folder / "radiographs", self.folder / "results"
        try:
            for folder in (self.folder, self._radiographs, self._results):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def check_room(self, size: int, waiting: int) -> None:
        """Raise SpoolFullError unless there is space for so many bytes, and a place behind those that wait."""
        remedy = "The sender should try again later; see why results are not delivered, or free space"
        if waiting >= self.settings.most_waiting:
            raise SpoolFullError(f"{waiting} radiographs wait already", source=self.folder, remedy=remedy)
        if (free := self.free_bytes() - size) < self.settings.free_megabytes * _MEGABYTE:
            raise SpoolFullError(f"only {max(0, free) // _MEGABYTE} MB are left", source=self.folder, remedy=remedy)

    def free_bytes(self) -> int:
        """Return the space that is left on the disk."""
        return shutil.disk_usage(self.folder).free

    def keep(self, write: Callable[[Path], object]) -> Path:
        """Keep a radiograph, which `write` writes to the path that it is given, under a name of its own."""
        path = self._radiographs / f"{uuid.uuid4().hex}.dcm"
        with atomic_path(path) as temporary:
            write(temporary)
        flush_folder(self._radiographs)
        return path

    def radiograph(self, name: str) -> Path:
        """Return the path of a radiograph by its name in the journal."""
        return self._radiographs / name

    def write_results(self, number: int, results: Mapping[str, Dataset]) -> None:
        """Write the results of a radiograph, by kind, and remove those of an attempt that was interrupted."""
        folder = self._results / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        for kind, instance in results.items():
            save_dicom(folder / f"{kind}.dcm", instance)
        flush_folder(folder)
        flush_folder(self._results)

    def results(self, number: int) -> list[Path]:
        """Return the files with a radiograph's results."""
        return sorted((self._results / str(number)).glob("*.dcm"))

    def remove(self, number: int, name: str) -> None:
        """Remove a radiograph and its results."""
        shutil.rmtree(self._results / str(number), ignore_errors=True)
        self.radiograph(name).unlink(missing_ok=True)

    def remove_strays(self, known: Iterable[str]) -> int:
        """Remove radiographs that are not in the journal, and return their number.

        A process that ended before it answered their senders has left them; these send them again.
        """
        names = set(known)
        strays = [path for path in self._radiographs.iterdir() if path.name not in names]
        for path in strays:
            path.unlink(missing_ok=True)
        return len(strays)


def flush_folder(folder: Path) -> None:
    """Write a folder's names to the disk, so that a loss of power does not take a file's name away.

    OutputError is raised when that cannot be done.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unwritable(folder, error) from error
