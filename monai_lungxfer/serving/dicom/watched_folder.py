"""A folder as a source of a DICOM node: files that have stopped growing are moved into the spool."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from monai_lungxfer.serving.dicom.arrivals import Intake
from monai_lungxfer.serving.dicom.settings import Watch
from monai_lungxfer.serving.dicom.spool import SpoolFullError
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.file_stamp import FileStamp

logger = logging.getLogger(__name__)


class WatchedFolder:
    """A thread that looks into a folder, and the folders in it.

    A file is taken when its size and its time of change have been the same for `settle_seconds`, and is removed from
    the folder when it is in the spool. Files whose names begin with a dot, and links, are left alone.

    Parameters
    ----------
    settings : Watch
        Which folder.
    intake : Intake
        What takes the files.
    """

    def __init__(self, settings: Watch, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._folder = settings.folder.expanduser().absolute()
        self._seen: dict[Path, tuple[FileStamp, float]] = {}  # and since when, by a clock that does not step
        self._kept: dict[Path, FileStamp] = {}  # taken, but not to be removed
        self._is_missing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watched-folder", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the folder is looked into."""
        return self._thread.is_alive() and not self._is_missing

    def start(self) -> None:
        """Begin to look; LungXferError is raised when there is no such folder."""
        if not self._folder.is_dir():
            raise LungXferError(
                "the watched folder is missing", source=self._folder, remedy="Make it, or correct folder in [watch]"
            )
        self._thread.start()

    def stop(self) -> None:
        """End after the file in work."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.every_seconds):
            try:
                self.look()
            except SpoolFullError as error:
                logger.warning("files in the watched folder wait: %s", error.problem)
            except OutputError as error:
                logger.error("files in the watched folder wait: %s", error.problem)
            except Exception:  # a fault with one file must not end the look at all others
                logger.exception("the watched folder")

    def look(self) -> None:
        """Take the files that are complete, the oldest first.

        One that cannot be taken holds up no other; the first of these errors, those of `Intake.take_file`, is raised in
        the end.
        """
        found = self._find()
        now = time.monotonic()
        self._seen = {
            path: seen if (seen := self._seen.get(path)) is not None and seen[0] == stamp else (stamp, now)
            for path, stamp in found.items()
        }
        self._kept = {path: stamp for path, stamp in self._kept.items() if found.get(path) == stamp}
        errors = []
        for path, (stamp, since) in sorted(self._seen.items(), key=lambda item: item[1][0].mtime_ns):
            if self._stopping.is_set():
                break
            if now - since >= self._settings.settle_seconds and path not in self._kept:
                try:
                    self._take(path, stamp)
                except OutputError as error:
                    errors.append(error)
        if errors:
            raise errors[0]

    def _take(self, path: Path, stamp: FileStamp) -> None:
        """Take a file, and remove it unless it was changed meanwhile: then the rest of it is still to come."""
        try:
            with path.open("rb") as file:
                file.read(1)
        except FileNotFoundError:
            return  # somebody has taken it away
        except OSError as error:
            logger.error("a file in the watched folder cannot be read, and is left there (%s)", error.strerror)
            self._kept[path] = stamp
            return
        self._intake.take_file(path, "watch")
        if FileStamp.read(path) != stamp:
            return
        try:
            path.unlink(missing_ok=True)
        except OSError:
            logger.warning("a file in the watched folder cannot be removed; it was taken, and stays there")
            self._kept[path] = stamp

    def _find(self) -> dict[Path, FileStamp]:
        is_missing = not self._folder.is_dir()
        if is_missing and not self._is_missing:
            logger.error("the watched folder has gone")
        self._is_missing = is_missing
        return {path: stamp for path in self._files() if (stamp := FileStamp.read(path)) is not None}

    def _files(self) -> Iterator[Path]:
        for folder, subfolders, names in os.walk(self._folder):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for name in names:
                path = Path(folder) / name
                if not name.startswith(".") and not path.is_symlink() and path.is_file():
                    yield path
