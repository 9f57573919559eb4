"""Writing masks as files that other programs lay over the radiograph."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats import detect_format, nifti
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.files import atomic_path

if TYPE_CHECKING:
    import nibabel as nib

MASK_SUFFIXES = {"png": ".png", "nifti": ".nii.gz"}
"""Every format, and the suffix of its files."""

_PNG = b"\x89PNG\r\n\x1a\n"
_UP = 2  # PNG's filter that stores the difference to the row above


def save_mask(
    path: str | Path,
    mask: NDArray[np.uint8],
    spacing: tuple[float, float] | None = None,
    radiograph: str | Path | None = None,
) -> None:
    """Write a mask in the format that the suffix of `path` stands for.

    Parameters
    ----------
    path : str or pathlib.Path
        ``.png``: 8 bits, 0 and 255, without the pixel spacing. ``.nii.gz`` or ``.nii``: 8 bits, 0 and 1, stored as ITK
        stores a two-dimensional image: the first index is the column, the second the row, and the affine matrix is
        diag(-column spacing, -row spacing, 1, 1), since NIfTI's first two axes point opposite to DICOM's.
    mask : numpy.ndarray
        uint8 (H, W) of {0, 1}.
    spacing : tuple of float, optional
        Distance between (rows, columns) in mm. Without it NIfTI gets 1 and "unknown" as its unit.
    radiograph : str or pathlib.Path, optional
        File that the mask is of. When both are NIfTI and the mask has its native size, the mask gets the shape, affine
        matrices with their codes, pixel spacing and units of the radiograph's header instead.

    Raises
    ------
    ValueError
        When the suffix is another one.
    InputFileError
        When the radiograph's header cannot be read.
    OutputError
        When the file cannot be written.
    """
    path = Path(path).expanduser()
    name = path.name.lower()
    if name.endswith(".png"):
        with atomic_path(path) as temporary:
            temporary.write_bytes(encode_png(mask))
    elif name.endswith((".nii.gz", ".nii")):
        _save_nifti(path, mask, spacing, None if radiograph is None else Path(radiograph))
    else:
        raise ValueError(f"{path.name} ends with none of .png, .nii.gz and .nii")


def encode_png(mask: NDArray[np.uint8]) -> bytes:
    """Return a mask (H, W) of {0, 1} as the bytes of a PNG file with 8 bits, 0 and 255.

    Every row is stored as its difference to the row above, which suits masks. Pillow tries five filters for each row,
    and takes three times as long.
    """
    height, width = mask.shape
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0] = _UP
    lines = mask * np.uint8(255)
    rows[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=rows[1:, 1:])
    packer = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # bits, grey, deflate, filters, no interlacing
    chunks = ((b"IHDR", header), (b"IDAT", packer.compress(rows.data) + packer.flush()), (b"IEND", b""))
    return _PNG + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _save_nifti(
    path: Path, mask: NDArray[np.uint8], spacing: tuple[float, float] | None, radiograph: Path | None
) -> None:
    image = _as_radiograph(mask, radiograph) or _as_itk(mask, spacing)
    content = image.to_bytes()
    if path.suffix.lower() == ".gz":
        content = gzip.compress(content, compresslevel=6, mtime=0)  # without a time, the same mask is the same file
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _as_radiograph(mask: NDArray[np.uint8], radiograph: Path | None) -> nib.Nifti1Image | None:
    if radiograph is None:
        return None
    try:
        return nifti.mask_image(radiograph, mask) if detect_format(radiograph) == "nifti" else None
    except (OSError, EOFError, zlib.error) as error:
        raise InputFileError(
            "cannot be read any more", source=radiograph, remedy="Leave it in place until its mask is written"
        ) from error


def _as_itk(mask: NDArray[np.uint8], spacing: tuple[float, float] | None) -> nib.Nifti1Image:
    import nibabel as nib

    row, column = spacing or (1.0, 1.0)
    affine = np.diag([-column, -row, 1.0, 1.0])
    image = nib.Nifti1Image(np.ascontiguousarray(mask.T), affine, dtype=np.uint8)
    image.set_qform(affine, code="scanner")
    image.set_sform(affine, code="scanner")
    image.header.set_xyzt_units("mm" if spacing else "unknown")
    return image
