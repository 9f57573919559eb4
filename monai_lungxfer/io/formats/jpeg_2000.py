"""JPEG 2000 files: codestreams, and those in the boxes of JP2."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from monai_lungxfer.io.formats.codestream import check_jpeg_2000
from monai_lungxfer.io.formats.picture import Picture, check_size
from monai_lungxfer.utils.errors import InputFileError

_MAGICS = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
_END = b"\xff\xd9"  # nowhere else in the data: bits are stuffed behind FF (ISO 15444-1, B.10.1)


def recognise(head: bytes) -> str | None:
    """Return ``"jpeg2000"`` when the file begins like a codestream or a JP2 file."""
    return "jpeg2000" if head.startswith(_MAGICS) else None


def decode(path: Path) -> Picture:
    """Read a JPEG 2000 file of one picture, grey or in colour; alpha is dropped.

    Grey values, and colour of more than 8 bits, are read by OpenJPEG itself and stay as they are stored: Pillow
    stretches 12 bits to 16, and lifts signed ones. Colour of 8 bits is left to Pillow, which knows YCbCr and CMYK. A
    resolution in the file is that of a printer, so there is no spacing.
    """
    import openjpeg

    stream = path.read_bytes()
    image = Jpeg2KImageFile(io.BytesIO(stream))
    check_size(path, image.height, image.width)
    if image.mode == "P":
        raise InputFileError("has a palette", source=path, remedy="Save it in grey values, or as PNG")
    check_jpeg_2000(path, stream, image.height, image.width)
    if _END not in stream:
        raise InputFileError(
            "is cut off: its codestream has no end", source=path, remedy="Copy it again from its source"
        )
    if image.mode in ("RGB", "RGBA", "YCbCr", "CMYK") and not _is_deep(openjpeg.get_parameters(stream)):
        pixels = np.asarray(image if image.mode.startswith("RGB") else image.convert("RGB"))
    else:
        pixels = openjpeg.decode(stream)
    if pixels.ndim == 3:
        pixels = pixels[..., 0] if pixels.shape[-1] == 2 else pixels[..., :3]
    return Picture(pixels)


def _is_deep(parameters: dict[str, Any]) -> bool:
    """Tell whether Pillow would cut the values down."""
    return int(parameters["precision"]) > 8
