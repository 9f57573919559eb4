"""Small pictures of the radiographs of a run, for pages that are to contain them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from monai_lungxfer.inference.outlines import GRID
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.inference.review.results import RunResults
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

_QUALITY = 60


def check_images(results: RunResults, folder: Path) -> None:
    """Refuse, by an InputFileError, a folder in which no radiograph of the run is."""
    if not any((folder / row["file"]).is_file() for row in results.rows):
        raise InputFileError(
            "none of the radiographs is in this folder",
            source=folder,
            remedy="Give the folder that the names in predictions.csv start from (--images)",
        )


def encode_picture(folder: Path, row: Mapping[str, Any]) -> bytes:
    """Return the radiograph of a row of predictions.json as WebP: 8 bits, at most `GRID` pixels a side, only pixels.

    Rows and columns are those of its mask. InputFileError is raised when it is not in the folder, cannot be read, or
    has another size than the one that was segmented.
    """
    name = row["file"]
    if ".." in Path(name).parts or not (folder / name).is_file():
        raise InputFileError("the radiograph is not in the folder of the images", source=name)
    pixels = read_radiograph(folder / name, name=name).pixels
    if pixels.shape != (row["height"], row["width"]):
        raise InputFileError("the radiograph has another size than the one that was segmented", source=name)
    buffer = BytesIO()
    Image.fromarray(thumbnail(pixels, GRID)).save(buffer, "WEBP", quality=_QUALITY)
    return buffer.getvalue()


def picture_url(folder: Path, row: Mapping[str, Any]) -> str:
    """Return what `encode_picture` does as a data URL."""
    return "data:image/webp;base64," + base64.b64encode(encode_picture(folder, row)).decode()
