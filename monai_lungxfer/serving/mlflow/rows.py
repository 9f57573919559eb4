"""From one row of a request to a radiograph. No message repeats a path, a file's name or a header's text."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from monai_lungxfer.io.channels import Channels, select_planes
from monai_lungxfer.io.formats import detect_format
from monai_lungxfer.io.formats.picture import check_finite, check_size
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.utils.errors import InputFileError

INPUTS = ("image", "path", "pixels")
"""The columns that a radiograph can come in."""

_FORMATS = "PNG, JPEG, TIFF, NIfTI or DICOM"


def read_row(
    row: Mapping[str, Any], settings: Settings, channels: Channels = "grey", *, any_view: bool = False
) -> Radiograph:
    """Return the radiograph that a row holds, as `read_radiograph` gives it.

    Parameters
    ----------
    row : mapping
        Exactly one of `image`, the base64 text of a file; `path`, a file below the folder that the settings allow,
        absolute or relative to it; and `pixels`, grey values (H, W), air dark. Missing is what is ``None`` or NaN.
    settings : Settings
        Which files are taken.
    channels : Channels
        As for `read_radiograph`.
    any_view : bool
        Whether to take DICOM files that are no frontal chest radiographs by their header.

    Raises
    ------
    InputFileError
        For whatever is wrong with the row or the file. Its `source` is no file of the sender's.
    """
    given = {name: row[name] for name in INPUTS if not _is_missing(row.get(name))}
    if len(given) != 1:
        raise InputFileError(
            f"the row has {' and '.join(given) or 'no radiograph'}", remedy=f"Give exactly one of {', '.join(INPUTS)}"
        )
    ((name, value),) = given.items()
    if name == "pixels":
        return _from_pixels(value, channels)
    if not isinstance(value, str):  # which MLflow does not see to in every form of a request
        raise InputFileError(f"{name} is not a text", remedy="Give a string")
    return _from_content((_decoded if name == "image" else _read_below)(value, settings), channels, any_view)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _from_pixels(values: ArrayLike, channels: Channels) -> Radiograph:
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.empty(0)
    if array.ndim != 2 or array.dtype.kind not in "uif":
        raise InputFileError(
            "pixels is not a two-dimensional array of numbers", remedy="Give rows of grey values, all of one length"
        )
    source = Path("pixels")
    check_size(source, *array.shape)
    with np.errstate(over="ignore"):  # a float64 beyond the range of float32 becomes infinite, and is reported as such
        pixels = select_planes(array, channels)
    check_finite(source, pixels)
    return Radiograph(pixels, "array")


def _decoded(text: str, settings: Settings) -> bytes:
    if len(text) > 4 * math.ceil(settings.max_bytes / 3):
        raise _too_large(settings)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputFileError(
            "image is not base64", remedy="Encode the bytes of the file (base64 FILE), without a prefix such as data:"
        ) from error


def _read_below(name: str, settings: Settings) -> bytes:
    folder = settings.allowed_folder
    if folder is None:
        raise InputFileError(
            "paths are refused here",
            remedy="Send the file itself (image), or let whoever runs the model allow a folder (paths_below)",
        )
    try:
        path = (folder / name).resolve()
        found = path.is_relative_to(folder) and path.is_file()
    except (OSError, RuntimeError, ValueError):  # a name that is too long, a loop of links, a null byte
        found = False
    if not found:  # the same answer for what is missing and for what lies elsewhere, which must not be found out
        raise InputFileError("there is no such file below the allowed folder", remedy="Check the path")
    if path.stat().st_size > settings.max_bytes:
        raise _too_large(settings)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot be read ({error.strerror})", remedy="Check the file's permissions") from error


def _too_large(settings: Settings) -> InputFileError:
    return InputFileError(
        f"the file is larger than {settings.max_megabytes:g} MB",
        remedy="Send a smaller one, or let whoever runs the model raise max_megabytes",
    )


def _from_content(content: bytes, channels: Channels, any_view: bool) -> Radiograph:
    """Read a file's content under a name of ours, which is all that readers' messages can repeat."""
    with TemporaryDirectory(prefix="lungxfer-") as folder:
        path = Path(folder, "radiograph")
        path.write_bytes(content)
        if detect_format(path) is None:
            raise InputFileError("is not an image of a known format", remedy=f"Send {_FORMATS}")
        return read_radiograph(path, channels, name=path.name, any_view=any_view)
