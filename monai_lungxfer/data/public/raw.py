"""Looking around in a raw folder, whatever folder the archive had around it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.utils.errors import DatalistError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
"""Suffixes of the formats that are kept as they are."""

_MAC_FOLDER = "__MACOSX"  # resource forks, which the Finder puts into its archives under the names of the files


def list_files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the files below a folder that have one of the suffixes (in lower case), in the order of their paths.

    Hidden files and folders are left out, and so are the second copies in a Macintosh archive.
    """
    wanted = frozenset(suffixes)
    found = (path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())
    return sorted(path for path in found if _is_data(path.relative_to(folder)))


def find_below(folder: Path, name: str) -> Path | None:
    """Return the file or folder of that name that is the least deep below a folder, or the folder itself."""
    if folder.name == name:
        return folder
    found = (path for path in folder.rglob(name) if _is_data(path.relative_to(folder)))
    return min(found, key=lambda path: (len(path.parts), path), default=None)


def _is_data(path: Path) -> bool:
    return not any(part.startswith(".") or part == _MAC_FOLDER for part in path.parts)


def wrong_layout(raw: Path, adapter: str, what: str) -> DatalistError:
    """Return the error for a raw folder that lacks `what` of the data set that it should hold."""
    facts = ADAPTERS[adapter]
    where = f", from {facts.page}" if facts.page else ""
    return DatalistError(f"holds no {what}", source=raw, remedy=f"Give the folder that holds {facts.layout}{where}")


def read_table(file: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV file in UTF-8 with a line of titles.

    Returns
    -------
    list of dict
        One for each line, by title; titles are in lower case, and titles and values without surrounding blanks.
        What is missing at the end of a line is empty.

    Raises
    ------
    DatalistError
        When the file cannot be read, or lacks one of the columns.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            titles, *lines = [line for line in csv.reader(opened) if line] or [[]]
    except (OSError, ValueError, csv.Error) as error:  # ValueError: bytes that are not UTF-8
        raise DatalistError(f"cannot be read ({error})", source=file, remedy="Fetch it again") from error
    titles = [title.strip().lower() for title in titles]
    absent = [column for column in columns if column not in titles]
    if absent:
        raise DatalistError(f"has no column {', '.join(absent)}", source=file, remedy="Fetch it again")
    return [
        dict.fromkeys(titles, "") | dict(zip(titles, (cell.strip() for cell in line), strict=False)) for line in lines
    ]
