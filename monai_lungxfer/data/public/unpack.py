"""Unpacking a zip archive from a stranger: nothing outside the folder, no links, no bomb."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from monai_lungxfer.utils.errors import DownloadError

_CHUNK = 1 << 20
_LONGEST = 255, 1000  # bytes of a name, and of a path below the folder
_BROKEN = (  # what the decompressors raise
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError),
)
_ENCRYPTED = 1  # bit 0 of the general purpose flags, APPNOTE.TXT 4.4.4


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold: most files, and most bytes when it is unpacked."""

    files: int = 200_000
    size: int = 100 << 30
    ratio: float = 50.0  # most bytes for each byte of the archive; pictures hardly shrink
    harmless: int = 100 << 20  # bytes up to which the ratio does not matter


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> int:
    """Unpack a zip archive into a folder, which should be empty, and return how many bytes were written.

    All entries are looked at before the first is written: names, kinds, number, and the size that they declare.
    While they are written, the bytes that really come are counted, and each entry's checksum is compared. What was
    written before an error stays there. That is an OSError when a file cannot be written.
    """
    limits = limits or Limits()
    with _opened(archive) as opened:
        entries = opened.infolist()
        allowed = _check(archive, entries, folder, limits)
        written = 0
        for entry in entries:
            target = folder.joinpath(*PurePosixPath(entry.filename).parts)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in _chunks(archive, opened, entry):
                    written += len(chunk)
                    if written > allowed:
                        raise _refused(archive, f"it holds more than the {allowed} bytes that it may")
                    file.write(chunk)
    return written


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise _damaged(archive, error) from error


def _chunks(archive: Path, opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with opened.open(entry) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except _BROKEN as error:
        raise _damaged(archive, error) from error


def _check(archive: Path, entries: list[zipfile.ZipInfo], folder: Path, limits: Limits) -> int:
    """Refuse an archive by what it declares, and return how many bytes may come."""
    for entry in entries:
        _check_entry(archive, entry)
    _check_places(archive, entries)
    declared = sum(entry.file_size for entry in entries)
    if len(entries) > limits.files:
        raise _refused(archive, f"it has {len(entries)} entries, and {limits.files} are allowed")
    if declared > limits.size:
        raise _refused(archive, f"it would unpack to {declared} bytes, and {limits.size} are allowed")
    if declared > max(limits.harmless, limits.ratio * archive.stat().st_size):
        raise _refused(archive, f"it would unpack to {declared} bytes, {limits.ratio:g} times its size and more")
    if declared > shutil.disk_usage(folder).free:
        raise DownloadError(f"needs {declared} bytes on the disk", source=archive, remedy="Free space on the disk")
    return declared


def _check_places(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Refuse entries that would lie at one place, or below a file."""
    paths = [PurePosixPath(entry.filename) for entry in entries]
    files = {path for path, entry in zip(paths, entries, strict=True) if not entry.is_dir()}
    if len(set(paths)) < len(paths):
        raise _refused(archive, "it has two entries of the same name")
    if any(parent in files for path in paths for parent in path.parents):
        raise _refused(archive, "it has an entry below a file")


def _check_entry(archive: Path, entry: zipfile.ZipInfo) -> None:
    # The original name, since the library cuts a name at a zero byte.
    name = entry.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        raise _refused(archive, f"the name {name!r} leads out of the folder")
    longest = max(len(part.encode()) for part in path.parts) if path.parts else _LONGEST[0] + 1
    if longest > _LONGEST[0] or len(name.encode()) > _LONGEST[1]:
        raise _refused(archive, "a name is too long, or none")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(archive, f"{name!r} is a link or no ordinary file")
    if entry.flag_bits & _ENCRYPTED:
        raise _refused(archive, f"{name!r} is encrypted")


def _damaged(archive: Path, error: Exception) -> DownloadError:
    remedy = "Fetch it again, or by another way"
    return DownloadError(f"is damaged, or not a zip archive ({error})", source=archive, remedy=remedy)


def _refused(archive: Path, reason: str) -> DownloadError:
    return DownloadError(f"is not unpacked: {reason}", source=archive, remedy="Do not trust it; use another source")
