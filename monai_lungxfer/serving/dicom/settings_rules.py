"""What must hold between a DICOM node's settings, each of which is right by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from monai_lungxfer.inference.dicom.dicomweb_session import check_url
from monai_lungxfer.serving.dicom.settings import DicomwebDestination, FolderDestination, NodeSettings
from monai_lungxfer.serving.dicom.toml_lines import Place
from monai_lungxfer.utils.errors import LungXferError

ROWS_LONGER = 10
"""How much longer the rows of the journal are kept than the files."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class SettingsFault:
    """One thing that is wrong: where in the file, and in words what is wrong and what to do."""

    place: Place
    words: str


def name_key(place: Place) -> str:
    """Name a key as people do: the entries of a list from 1."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".") or "the file"


def find_contradictions(settings: NodeSettings) -> Iterator[SettingsFault]:
    """Yield what is wrong between settings each of which is right."""
    if settings.listen is None and settings.watch is None and settings.poll is None:
        yield SettingsFault((), "names no source. Add [listen], [watch] or [poll]")
    listen, status = settings.listen, settings.status
    if listen and status and listen.port == status.port:
        yield SettingsFault(("status", "port"), f"is that of [listen], {listen.port}. Give each a port of its own")
    if settings.poll is not None:
        yield from _url_faults(("poll", "url"), settings.poll.url)
        if settings.poll.days_back >= ROWS_LONGER * settings.spool.keep_done_days:
            words = f"must be less than {ROWS_LONGER} times keep_done_days in [spool], or studies are segmented again"
            yield SettingsFault(("poll", "days_back"), words)
    names = [destination.name for destination in settings.destination]
    for number, destination in enumerate(settings.destination):
        place = ("destination", number)
        if destination.name in names[:number]:
            yield SettingsFault((*place, "name"), f"{destination.name!r} is given twice. Give each a name of its own")
        if isinstance(destination, DicomwebDestination):
            yield from _url_faults((*place, "url"), destination.url)
            if destination.authorization and not _VARIABLE.fullmatch(destination.authorization):  # maybe a password
                words = "must be the name of an environment variable that holds the header, not the header itself"
                yield SettingsFault((*place, "authorization"), words)
    yield from _shared_folders(settings)


def _url_faults(place: Place, url: str) -> Iterator[SettingsFault]:
    try:
        check_url(url)
    except LungXferError as error:
        yield SettingsFault(place, f"is refused: {error.without_source}")


def _shared_folders(settings: NodeSettings) -> Iterator[SettingsFault]:
    """Yield folders that lie in one another: results would come in again, or radiographs be removed."""
    folders: dict[Place, Path] = {("spool", "folder"): settings.spool.folder}
    if settings.watch is not None:
        folders["watch", "folder"] = settings.watch.folder
    for number, destination in enumerate(settings.destination):
        if isinstance(destination, FolderDestination):
            folders["destination", number, "folder"] = destination.folder
    for (first, one), (second, other) in combinations(folders.items(), 2):
        if one.is_relative_to(other) or other.is_relative_to(one):
            yield SettingsFault(
                second, f"lies in {name_key(first)}, or the other way round. Choose folders side by side"
            )
