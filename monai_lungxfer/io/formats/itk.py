"""MetaImage, NRRD and BMP files, and PNG and TIFF files of a kind that Pillow cannot read, through ITK."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai_lungxfer.io.formats.picture import Picture, check_single, check_size, valid_spacing
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.log_redaction import closed_standard_error

REMEDY = "Give a radiograph as PNG, JPEG, TIFF, NIfTI or DICOM"
"""What to do with a file of a format that is not read."""

_FORMATS = ("MetaImageIO", "NrrdImageIO", "BMPImageIO", "PNGImageIO", "TIFFImageIO")  # of some twenty in ITK
_LOCK = threading.Lock()


def decode(path: Path) -> Picture:
    """Read a two-dimensional picture, grey or with three channels; alpha is dropped.

    A spacing of exactly (1, 1) is what ITK puts where a file has none, so it counts as unknown.
    """
    import itk

    with _silenced():
        try:
            io = next((io for name in _FORMATS if (io := getattr(itk, name).New()).CanReadFile(str(path))), None)
            if io is None:
                raise InputFileError("its content is no image of a known format", source=path, remedy=REMEDY)
            io.SetFileName(str(path))
            io.ReadImageInformation()
            components = _checked(path, io)
            # ITK's Python has few pixel types with several components, and all of them with float32.
            pixel_type = itk.F if components == 1 else itk.Vector[itk.F, components]
            values = itk.array_from_image(itk.imread(str(path), pixel_type, imageio=io))
        except RuntimeError as error:  # all that ITK raises; the texts are lines of its source code
            raise InputFileError("is damaged, or of a kind that ITK cannot read", source=path, remedy=REMEDY) from error
        spacing = valid_spacing(io.GetSpacing(1), io.GetSpacing(0))
    if components == 1:
        pixels = values.reshape(values.shape[-2:])
    else:
        pixels = values.reshape(values.shape[-3:])
        pixels = pixels[..., 0] if components == 2 else pixels[..., :3]
    return Picture(pixels, *((None, None) if spacing in (None, (1, 1)) else (spacing, "header")))


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep ITK's warnings off the terminal, and those of libpng and MetaIO, which quote a profile's name or a field.

    The switches belong to the process, hence one reader at a time.
    """
    with _LOCK:
        import itk  # here, since ITK loads its own parts when they are first asked for

        before = itk.Object.GetGlobalWarningDisplay()
        itk.Object.SetGlobalWarningDisplay(False)
        try:
            with closed_standard_error():
                yield
        finally:
            itk.Object.SetGlobalWarningDisplay(before)


def _checked(path: Path, io: Any) -> int:  # ITK's classes have no types
    """Refuse what is not one slice of a size that is read; return the number of components of a pixel."""
    import itk

    size = [io.GetDimensions(axis) for axis in range(io.GetNumberOfDimensions())]
    check_single(path, math.prod(size[2:]), size[:2])
    components: int = io.GetNumberOfComponents()
    check_size(path, size[1], size[0], components * io.GetComponentSize())
    if components > 4 or io.GetPixelType() == itk.CommonEnums.IOPixel_COMPLEX:
        raise InputFileError(f"its pixels have {components} components", source=path, remedy=REMEDY)
    return components
