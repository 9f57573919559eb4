"""Pictures just within the limits, which cost the most that reading can cost."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from dicom_writing import compressed, write
from PIL import Image
from png_writing import png16
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless
from raster_writing import mha, nrrd

__all__ = ["LARGEST"]

_SIDE = 12_247  # 150 megapixels, all but a few thousand
_DEEP_SIDE = 10_000  # where six bytes a pixel make 600 MB


def _stripes(kind: type = np.uint8, side: int = _SIDE) -> np.ndarray:
    values = np.zeros((side, side), kind)
    values[::64] = 200
    return values


def _by_pillow(kind: str, mode: str = "L", **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        values = _stripes(np.uint16 if mode == "I;16" else np.uint8)
        Image.fromarray(values).convert(mode).save(path, kind, **options)

    return make


def _many_scans(path: Path) -> None:
    """A progressive JPEG file whose last scan comes again until there are a hundred."""
    with io.BytesIO() as buffer:
        Image.fromarray(_stripes()).save(buffer, "JPEG", progressive=True)
        stream = buffer.getvalue()
    scan = stream[stream.rindex(b"\xff\xda") : -2]
    path.write_bytes(stream[:-2] + (100 - stream.count(b"\xff\xda")) * scan + stream[-2:])


def _deep_png(path: Path) -> None:
    path.write_bytes(png16(np.repeat(_stripes(np.uint16, _DEEP_SIDE)[..., None], 3, axis=2), 2))


def _nifti(path: Path) -> None:
    nib.save(nib.Nifti1Image(_stripes(np.float32), np.eye(4)), path.with_suffix(".nii.gz"))
    path.with_suffix(".nii.gz").rename(path)


def _dicom(kind: type = np.uint8, **how: Any) -> Callable[[Path], None]:
    return lambda path: write(path, _stripes(kind), **how) and None


LARGEST: dict[str, Callable[[Path], None]] = {
    "PNG, grey": _by_pillow("PNG", compress_level=1),
    "PNG, RGB": _by_pillow("PNG", "RGB", compress_level=1),
    "JPEG, grey": _by_pillow("JPEG"),
    "JPEG, RGB": _by_pillow("JPEG", "RGB"),
    "JPEG, progressive, 100 scans": _many_scans,
    "TIFF, 16 bits, deflated": _by_pillow("TIFF", "I;16", compression="tiff_adobe_deflate"),
    "NIfTI, float32, .nii.gz": _nifti,
    "PNG, RGB, 16 bits": _deep_png,
    "WebP, RGB": _by_pillow("WEBP", "RGB", lossless=True, method=0, quality=0),
    "GIF, palette": _by_pillow("GIF", "P"),
    "BMP, RGB": _by_pillow("BMP", "RGB"),
    "JPEG 2000, grey": _by_pillow("JPEG2000"),
    "MetaImage, 16 bits": lambda path: path.write_bytes(mha(_stripes(np.uint16))) and None,
    "MetaImage, float, compressed": lambda path: path.write_bytes(mha(_stripes(np.float32), pack=True)) and None,
    "NRRD, float, compressed": lambda path: path.write_bytes(nrrd(_stripes(np.float32), pack=True)) and None,
    "DICOM, 16 bits": _dicom(np.uint16),
    "DICOM, 16 bits, window": _dicom(np.uint16, WindowCenter=50, WindowWidth=101),
    "DICOM, 16 bits, deflated": _dicom(np.uint16, syntax=DeflatedExplicitVRLittleEndian),
    "DICOM, RLE": _dicom(finish=compressed(RLELossless)),
    "DICOM, JPEG-LS": _dicom(finish=compressed(JPEGLSLossless)),
    "DICOM, JPEG 2000": _dicom(finish=compressed(JPEG2000Lossless)),
}
