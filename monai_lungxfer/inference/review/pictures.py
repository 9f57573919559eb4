"""The radiographs of a run, found again in their folder, and small pictures of them for pages."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from monai_lungxfer.inference.outlines import GRID
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.review.results import RunResults
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.file_stamp import sample_file

_QUALITY = 60
_ESCAPED = re.compile(r"\\(\\|u([0-9a-f]{4})|x([0-9a-f]{2}))")
_REPLACED = "the file in the folder of images is not the radiograph that was segmented"
_REMEDY = "Give the folder that was segmented (--images), or segment it again"


def check_images(results: RunResults, folder: Path) -> None:
    """Refuse, by an InputFileError, a folder in which no radiograph of the run is."""
    if not any(_is_in(folder, row["file"]) for row in results.rows):
        raise InputFileError(
            "none of the radiographs is in this folder",
            source=folder,
            remedy="Give the folder that the names in predictions.csv start from (--images)",
        )


def image_path(folder: Path, name: str) -> Path:
    """Return the path of a radiograph, which may be missing, by its name in the table; see `find_inputs`.

    The table may come from elsewhere: InputFileError is raised when it names a file outside of the folder.
    """
    path = folder / _ESCAPED.sub(_plain, name)
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):  # noqa: PTH100 - follows no link
        raise InputFileError("the table names a file outside of its folder", remedy="Segment the radiographs again")
    return path


def find_image(results: RunResults, folder: Path, name: str) -> Path:
    """Return the path of a radiograph by its name in the table.

    InputFileError is raised when it is not in the folder, or, as far as the journal tells, is not the file that was
    segmented.
    """
    path = image_path(folder, name)
    if not path.is_file():
        raise InputFileError("the radiograph is not in the folder of images", source=name, remedy=_REMEDY)
    sample = results.samples.get(name)
    if sample is not None and sample != sample_file(path):
        raise InputFileError(_REPLACED, source=name, remedy=_REMEDY)
    return path


def read_image(results: RunResults, folder: Path, row: Mapping[str, Any]) -> Radiograph:
    """Read the radiograph of a row of predictions.json.

    InputFileError is raised as by `find_image`, and when it cannot be read, or has another size than its mask.
    """
    radiograph = read_radiograph(find_image(results, folder, row["file"]), name=row["file"])
    if radiograph.pixels.shape != (row["height"], row["width"]):
        raise InputFileError(_REPLACED, source=row["file"], remedy=_REMEDY)
    return radiograph


def encode_picture(results: RunResults, folder: Path, row: Mapping[str, Any]) -> bytes:
    """Return what `read_image` does as WebP: 8 bits, at most `GRID` pixels a side, only pixels, which lie as stored."""
    pixels = read_image(results, folder, row).pixels
    buffer = BytesIO()
    Image.fromarray(thumbnail(pixels, GRID)).save(buffer, "WEBP", quality=_QUALITY)
    return buffer.getvalue()


def picture_url(results: RunResults, folder: Path, row: Mapping[str, Any]) -> str:
    """Return what `encode_picture` does as a data URL."""
    return "data:image/webp;base64," + base64.b64encode(encode_picture(results, folder, row)).decode()


def _is_in(folder: Path, name: str) -> bool:
    try:
        return image_path(folder, name).is_file()
    except InputFileError:
        return False


def _plain(found: re.Match[str]) -> str:
    if found[2]:
        return chr(int(found[2], 16))
    return os.fsdecode(bytes([int(found[3], 16)])) if found[3] else "\\"
