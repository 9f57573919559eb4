"""What may come of a file, whatever is in it: a radiograph, or an error of ours."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from monai_lungxfer.io.formats.picture import MAX_PIXELS, MIN_SIDE
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import InputFileError, ViewError

__all__ = ["FindingError", "outcome", "read_as_prediction"]

_FORMATS = frozenset(("png", "jpeg", "tiff", "webp", "gif", "bmp", "jpeg2000", "nifti", "metaimage", "nrrd", "dicom"))
_VIEWS = frozenset((None, "AP", "PA", "frontal", "lateral", "oblique", "decubitus", "other"))


class FindingError(Exception):
    """The reader broke a promise."""


def outcome(path: Path) -> str:
    """Return "read" or "refused".

    Raises
    ------
    FindingError
        When anything else came of the file.
    """
    radiograph = read_as_prediction(path)
    return "refused" if isinstance(radiograph, InputFileError) else "read"


def read_as_prediction(path: Path) -> Radiograph | InputFileError:
    """Return the radiograph, or the error, either of which keeps every promise; any view is taken at last."""
    try:
        channels = "rgb" if path.stat().st_size % 3 == 0 else "grey"
        try:
            radiograph = read_radiograph(path, channels, any_view=False)
        except ViewError:
            radiograph = read_radiograph(path, channels)
    except InputFileError as error:
        if isinstance(error.__cause__, MemoryError):
            raise FindingError("the memory did not suffice, and the size was not refused") from error
        if error.source != str(path) or not error.problem or not error.remedy:
            raise FindingError(f"the error says too little: {error!r}") from error
        return error
    except Exception as error:
        raise FindingError(f"{type(error).__name__}: {error}") from error
    _check(radiograph)
    return radiograph


def _check(radiograph: Radiograph) -> None:
    pixels = radiograph.pixels
    planes = pixels.shape[:-2]
    spacing = radiograph.spacing
    broken = {
        "type": pixels.dtype != np.float32 or not pixels.flags.c_contiguous,
        "shape": planes not in ((), (3,)) or min(pixels.shape[-2:]) < MIN_SIDE,
        "size": math.prod(pixels.shape[-2:]) > MAX_PIXELS,
        "values": not np.isfinite(pixels).all(),
        "format": radiograph.format not in _FORMATS,
        "view": radiograph.view not in _VIEWS,
        "spacing": spacing is not None and not all(1e-6 <= distance <= 1e6 for distance in spacing),
        "spacing_source": (spacing is None) != (radiograph.spacing_source is None),
    }
    wrong = [name for name, is_wrong in broken.items() if is_wrong]
    if wrong:
        raise FindingError(f"the radiograph's {', '.join(wrong)} cannot be ({radiograph})")
