"""Looking around in a raw folder, whatever folder the archive had around it, and reading its tables and masks."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.item import Draw, DrawnMask
from monai_lungxfer.utils.errors import DatalistError, InputFileError

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
    """Read a CSV file in UTF-8 with a line of titles, among which `columns` must be.

    Each line is a dict by title. Titles are in lower case, and titles and values without surrounding blanks. What is
    missing at the end of a line is empty.
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


def unite_masks(files: Sequence[Path]) -> Draw:
    """Return how to make one mask of several files at the size of the image, such as one for each lung."""

    def draw(height: int, width: int) -> DrawnMask:
        from monai_lungxfer.io.radiograph import read_mask  # imports MONAI, which listing a folder does without

        foreground = np.zeros((height, width), bool)
        for file in files:
            mask = read_mask(file)
            check_shape(mask, height, width, file)
            foreground |= mask.astype(bool)
        return DrawnMask(foreground)

    return draw


def check_shape(mask: NDArray[np.generic], height: int, width: int, file: Path) -> None:
    """Refuse a mask of another size than its image."""
    if mask.shape != (height, width):
        raise InputFileError(
            f"the mask has {mask.shape[0]} × {mask.shape[1]} pixels (rows × columns), its image {height} × {width}",
            source=file,
            remedy="Make the mask in the image's own size",
        )
